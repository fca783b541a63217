package views

// AlertStrings are the words of the page of alerts. No script needs them.
type AlertStrings struct {
	Alerts         string `json:"-"`
	AlertsRaised   string `json:"-"`
	AlertsCleared  string `json:"-"`
	AlertsFull     string `json:"-"`
	NoAlerts       string `json:"-"`
	NoAlertsText   string `json:"-"`
	AlertState     string `json:"-"`
	AlertWhat      string `json:"-"`
	AlertValue     string `json:"-"`
	AlertBound     string `json:"-"`
	AlertSince     string `json:"-"`
	AlertUntil     string `json:"-"`
	AlertKnown     string `json:"-"`
	AlertOrMore    string `json:"-"`
	AlertOrLess    string `json:"-"`
	AlertGone      string `json:"-"`
	AlertUnwatched string `json:"-"`
	Acknowledge    string `json:"-"`
	AckTitle       string `json:"-"`
	AckNote        string `json:"-"`
	AckCancel      string `json:"-"`
	AckBy          string `json:"-"`
}

// EnglishAlerts is the language of that page for now.
var EnglishAlerts = AlertStrings{
	Alerts:         "Alerts",
	AlertsRaised:   "Raised",
	AlertsCleared:  "Cleared lately",
	AlertsFull:     "There are as many alerts as there may be. More are raised when some of these are cleared.",
	NoAlerts:       "All is well",
	NoAlertsText:   "No record is beyond a threshold.",
	AlertState:     "State",
	AlertWhat:      "What",
	AlertValue:     "Value",
	AlertBound:     "Bound",
	AlertSince:     "Since",
	AlertUntil:     "Until",
	AlertKnown:     "Acknowledged",
	AlertOrMore:    "{bound} or more",
	AlertOrLess:    "{bound} or less",
	AlertGone:      "the record is gone",
	AlertUnwatched: "nobody judges the feed any more",
	Acknowledge:    "Acknowledge",
	AckTitle:       "I know of {what}",
	AckNote:        "Note",
	AckCancel:      "Cancel",
	AckBy:          "by {name}",
}
