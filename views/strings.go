package views

import (
	"encoding/json"
	"strings"
)

// Strings are the words that pages and their script show. The script gets those that have a name in JSON. A {name} in
// one is filled in by [fill], or by the script alike.
type Strings struct {
	// connection badge
	Live         string `json:"live"`
	Refresh      string `json:"refresh"`
	Every        string `json:"every"`
	Connecting   string `json:"connecting"`
	Reconnecting string `json:"reconnecting"`
	Reconnect    string `json:"reconnect"`
	Restarting   string `json:"restarting"`
	Lost         string `json:"lost"`
	Paused       string `json:"paused"`
	Alone        string `json:"alone"`
	Refused      string `json:"refused"`
	WebSocket    string `json:"websocket"`
	SSE          string `json:"sse"`
	Poll         string `json:"poll"`

	// who is here
	Online       string `json:"online"`
	OnlineTitle  string `json:"onlineTitle"`
	OnlineNodes  string `json:"onlineNodes"`
	OnlineNobody string `json:"onlineNobody"`

	// freshness
	Seconds        string `json:"seconds"`
	Minutes        string `json:"minutes"`
	Hours          string `json:"hours"`
	Days           string `json:"days"`
	SourceFailing  string `json:"sourceFailing"`
	NextTry        string `json:"nextTry"`
	DataAge        string `json:"dataAge"`
	DataOf         string `json:"dataOf"`
	DataOfAge      string `json:"dataOfAge"`
	SourceOld      string `json:"sourceOld"`
	SourceOldPlain string `json:"sourceOldPlain"`
	FailingSince   string `json:"failingSince"`
	Late           string `json:"late"`
	Waiting        string `json:"waiting"`
	LostSince      string `json:"lostSince"`
	Asleep         string `json:"asleep"`
	NodeAlone      string `json:"nodeAlone"`
	OfNode         string `json:"ofNode"`
	Pausing        string `json:"pausing"`

	// notices
	Dismiss     string `json:"dismiss"`
	Retry       string `json:"retry"`
	AloneNotice string `json:"aloneNotice"`
	LostNotice  string `json:"lostNotice"`
	ResetNotice string `json:"resetNotice"`
	From        string `json:"from"`
	Earlier     string `json:"earlier"`
	DismissAll  string `json:"dismissAll"`

	// messages, beside those of rooms
	UserID   string `json:"userId"`
	ShowAll  string `json:"showAll"`
	ShowLess string `json:"showLess"`

	ChatStrings  `json:"-"`
	AlertStrings `json:"-"`

	// buttons
	Pause     string `json:"pause"`
	Resume    string `json:"resume"`
	Theme     string `json:"-"`
	ShowTable string `json:"showTable"`
	ShowChart string `json:"showChart"`

	// panels
	Simulated    string `json:"-"`
	LoadingTitle string `json:"loadingTitle"`
	LoadingText  string `json:"loadingText"`
	ErrorTitle   string `json:"errorTitle"`
	ErrorSince   string `json:"-"`
	ErrorNext    string `json:"-"`
	ErrorPause   string `json:"-"`
	EmptyTitle   string `json:"-"`
	EmptyText    string `json:"-"`
	EmptyUser    string `json:"-"`
	PastTitle    string `json:"-"`
	PastText     string `json:"-"`
	PastLink     string `json:"-"`
	NoPoints     string `json:"-"`
	LastHour     string `json:"-"`
	MoreSeries   string `json:"-"`
	Range        string `json:"-"`
	Pages        string `json:"-"`
	PageOf       string `json:"-"`
	Previous     string `json:"-"`
	Next         string `json:"-"`
	Up           string `json:"-"`
	Down         string `json:"-"`
	Yes          string `json:"-"`
	No           string `json:"-"`

	// states by thresholds
	State        string `json:"-"`
	StateOK      string `json:"-"`
	StateWarn    string `json:"-"`
	StateCrit    string `json:"-"`
	StateUnknown string `json:"-"`
	WarnCount    string `json:"-"`
	WarnCounts   string `json:"-"`
	CritCount    string `json:"-"`
	BothCounts   string `json:"-"`
	OnThisPage   string `json:"-"`
	BoundAbove   string `json:"-"`
	BoundBelow   string `json:"-"`
	BoundOf      string `json:"-"`

	// pages
	User         string `json:"-"`
	UserHint     string `json:"-"`
	Show         string `json:"-"`
	Machine      string `json:"-"`
	AnyMachine   string `json:"-"`
	Skip         string `json:"-"`
	Dashboards   string `json:"-"`
	NoDashboards string `json:"-"`
	NoPanels     string `json:"-"`
	ServedBy     string `json:"-"`
	RenderedAt   string `json:"-"`
	Back         string `json:"-"`
}

// English is the language of all pages for now.
var English = Strings{
	Live:         "Live",
	Refresh:      "Refresh",
	Every:        "every {age}",
	Connecting:   "Connecting",
	Reconnecting: "Reconnecting in {age}",
	Reconnect:    "Reconnecting",
	Restarting:   "Restarting, back in {age}",
	Lost:         "Connection lost",
	Paused:       "Paused",
	Alone:        "Node alone",
	Refused:      "Refused",
	WebSocket:    "WebSocket",
	SSE:          "SSE",
	Poll:         "Long poll",

	Online:       "{users} online",
	OnlineTitle:  "{users} users, {connections} connections",
	OnlineNodes:  "{users} users, {connections} connections on {nodes} nodes",
	OnlineNobody: "Nobody online",

	Seconds:        "{n} s",
	Minutes:        "{n} min",
	Hours:          "{n} h",
	Days:           "{n} d",
	SourceFailing:  "source failing: {error}",
	NextTry:        "next try in {age}",
	DataAge:        "data {age} old",
	DataOf:         "data of {time}",
	DataOfAge:      "data of {time} ({age} old)",
	SourceOld:      "source’s data is {age} old",
	SourceOldPlain: "source’s data is old",
	FailingSince:   "failing since {time}",
	Late:           "reading late by {age}",
	Waiting:        "waiting",
	LostSince:      "connection lost {age} ago",
	Asleep:         "tab was asleep",
	NodeAlone:      "node alone",
	OfNode:         "node {node}",
	Pausing:        "paused",

	Dismiss:     "Dismiss",
	Retry:       "Try again",
	AloneNotice: "This node is alone: it has lost the others, polls for itself, and its messages reach only those who are connected here.",
	LostNotice:  "The connection is lost. What you see is old; the page reconnects by itself.",
	ResetNotice: "Some messages may be missing between then and now.",
	From:        "from {name}",
	Earlier:     "{n} earlier, not shown.",
	DismissAll:  "Dismiss all",

	UserID:   "user {id}",
	ShowAll:  "Show all {n} characters",
	ShowLess: "Show less",

	ChatStrings:  EnglishChat,
	AlertStrings: EnglishAlerts,

	Pause:     "Pause updates",
	Resume:    "Resume updates",
	Theme:     "Switch between light and dark",
	ShowTable: "Show as table",
	ShowChart: "Show as chart",

	Simulated:    "simulated",
	LoadingTitle: "Waiting for the first reading",
	LoadingText:  "The source has been asked. Its answer appears here by itself.",
	ErrorTitle:   "No data",
	ErrorSince:   "Failing since {time}.",
	ErrorNext:    "The source is asked again at {time}. If this goes on, check the source.",
	ErrorPause:   "It failed often, so it is asked less often until it answers: next at {time}.",
	EmptyTitle:   "No records",
	EmptyText:    "The source answered with an empty table. Rows appear here as soon as it has some.",
	EmptyUser:    "Enter a user above to see that user’s records.",
	PastTitle:    "Nothing on page {page}",
	PastText:     "The table has {pages} pages now.",
	PastLink:     "Go to page {page}",
	NoPoints:     "The curve begins with the next readings",
	LastHour:     "Last hour",
	MoreSeries:   "and {n} more in the table",
	Range:        "{from}–{to} of {total}",
	Pages:        "Pages of {title}",
	PageOf:       "Page {page}",
	Previous:     "Previous page",
	Next:         "Next page",
	Up:           "up",
	Down:         "down",
	Yes:          "yes",
	No:           "no",

	State:        "State",
	StateOK:      "OK",
	StateWarn:    "Warning",
	StateCrit:    "Critical",
	StateUnknown: "Unknown",
	WarnCount:    "1 warning",
	WarnCounts:   "{n} warnings",
	CritCount:    "{n} critical",
	BothCounts:   "{crit}, {warn}",
	OnThisPage:   "{counts} on this page",
	BoundAbove:   "{state} ≥ {value}",
	BoundBelow:   "{state} ≤ {value}",
	BoundOf:      "{field}: {bound}",

	User:         "User",
	UserHint:     "A whole number, at most 19 digits",
	Show:         "Show",
	Machine:      "Machine",
	AnyMachine:   "this one",
	Skip:         "Skip to the readings",
	Dashboards:   "Dashboards",
	NoDashboards: "No dashboard is configured. Add one under “dashboards” in the configuration file.",
	NoPanels:     "This dashboard has no panels. Add some under “panels” in the configuration file.",
	ServedBy:     "Served by {node}",
	RenderedAt:   "page of {time}",
	Back:         "All dashboards",
}

// text is the language in use.
var text = &English

// dataStrings is the JSON that the script reads its words from; chatDataStrings has those of rooms, too.
var (
	dataStrings     = encoded(text)
	chatDataStrings = encoded(struct {
		*Strings
		ChatStrings
	}{text, text.ChatStrings})
)

func encoded(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // a struct of strings always marshals
	}
	return string(b)
}

// fill replaces each {name} of s by the value that follows the name in pairs.
func fill(s string, pairs ...string) string {
	for i := 0; i+1 < len(pairs); i += 2 {
		pairs[i] = "{" + pairs[i] + "}"
	}
	return strings.NewReplacer(pairs...).Replace(s)
}
