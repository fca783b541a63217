package views

// AlertStrings are the words of the pages of alerts.
type AlertStrings struct {
	Alerts          string `json:"-"`
	NoAlerts        string `json:"-"`
	NoAlertsText    string `json:"-"`
	NoAlertFeeds    string `json:"-"`
	ManyAlerts      string `json:"-"`
	ClearedLately   string `json:"-"`
	ClearedWord     string `json:"-"`
	AlertSince      string `json:"-"`
	AlertCleared    string `json:"-"`
	AlertGone       string `json:"-"`
	AlertUnwatched  string `json:"-"`
	AlertAckBy      string `json:"-"`
	AlertAck        string `json:"-"`
	AllAlerts       string `json:"-"`
	Acknowledge     string `json:"-"`
	AcknowledgeName string `json:"-"`
	AcknowledgeNote string `json:"-"`
	NotAcknowledged string `json:"-"`
}

// EnglishAlerts is the language of alerts for now.
var EnglishAlerts = AlertStrings{
	Alerts:          "Alerts",
	NoAlerts:        "All is well",
	NoAlertsText:    "No alert is raised. One appears here by itself when a value passes a threshold.",
	NoAlertFeeds:    "No feed has alerts. Give one thresholds and “alerts: true” in the configuration file.",
	ManyAlerts:      "There is more to look at than is listed: as many alerts as can be are raised.",
	ClearedLately:   "Cleared lately",
	ClearedWord:     "Cleared",
	AlertSince:      "since {time}",
	AlertCleared:    "cleared {time}",
	AlertGone:       "cleared {time}, the record is gone",
	AlertUnwatched:  "cleared {time}, nobody judges the feed any more",
	AlertAckBy:      "Acknowledged by",
	AlertAck:        "at {time}",
	AllAlerts:       "All alerts",
	Acknowledge:     "Acknowledge",
	AcknowledgeName: "Your name",
	AcknowledgeNote: "Note, if you like: what you know, and what you do",
	NotAcknowledged: "Not acknowledged: {reason}",
}
