package assets_test

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"time"

	"github.com/pulsewall/pulsewall/assets"
)

// words are those that the script shows, shortened so that tests can tell them apart.
var words = map[string]string{
	"live": "Live", "connecting": "Connecting", "reconnecting": "Reconnecting in {age}", "reconnect": "Reconnecting",
	"restarting": "Restarting, back in {age}", "lost": "Connection lost", "paused": "Paused", "alone": "Node alone",
	"refused": "Refused", "websocket": "WebSocket", "sse": "SSE", "poll": "Long poll",
	"online": "{users} online", "onlineTitle": "{users} users, {connections} connections",
	"seconds": "{n} s", "minutes": "{n} min", "hours": "{n} h", "days": "{n} d",
	"sourceFailing": "source failing: {error}", "nextTry": "next try in {age}", "sourceOld": "source’s data is {age} old", "dataAge": "data {age} old",
	"dataOf": "data of {time}", "dataOfAge": "data of {time} ({age} old)", "late": "reading late by {age}",
	"waiting": "waiting", "lostSince": "connection lost {age} ago", "asleep": "tab was asleep", "pausing": "paused",
	"dismiss": "Dismiss", "retry": "Try again", "lostNotice": "It reconnects by itself.", "resetNotice": "Some messages may be missing.",
	"from": "from {name}", "earlier": "{n} earlier", "dismissAll": "Dismiss all", "showAll": "Show all {n}", "loadingTitle": "Waiting", "loadingText": "It was asked.", "failingSince": "failing since {time}",
	"errorTitle": "No data",
}

// policy is the one of the real pages: nothing inline.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// page is a dashboard as the views render it: a table and a chart.
func (f *fake) page(w http.ResponseWriter, _ *http.Request) {
	strings, _ := json.Marshal(words)
	f.change(func() { f.opened = append(f.opened, "page?") })
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", policy)
	now := time.Now()
	f.mu.Lock()
	cursor := fmt.Sprintf("e-%d", len(f.messages))
	f.mu.Unlock()
	fmt.Fprintf(w, `<!DOCTYPE html><html lang="en" class="no-js"><head><meta charset="utf-8"><title>test</title>
<link rel="icon" href="data:,"><link rel="stylesheet" href="%s"><link rel="stylesheet" href="%s">
<script src="%s" data-refresh="1"></script><script src="%s" defer></script></head>
<body data-strings="%s" data-uplot="%s">
<header class="top"><div class="state"><span class="badge" data-slot="connection" data-state="refresh"><i></i><b data-slot="state">Refresh</b>
<span class="dim" data-slot="transport">every 10 s</span></span><span class="people" data-slot="people" title=""></span>
<button type="button" data-action="pause" hidden>pause</button><button type="button" data-action="theme" hidden>theme</button></div></header>
<div class="notices" data-slot="notices" role="status"></div>
<main id="main" data-live="/live" data-query="presence=1&amp;unionId=7" data-cursor="%s" data-time="%s" data-union-id="7">
<form method="get" data-slot="user"><input name="unionId" value="7"><button>Show</button></form>
`, assets.URL("pulsewall.css"), assets.URL("uPlot.css"), assets.URL("theme.js"), assets.URL("pulsewall.js"),
		html.EscapeString(string(strings)), assets.URL("uPlot.js"), cursor, now.UTC().Format(time.RFC3339Nano))
	at, due := now.UnixMilli(), now.Add(time.Hour).UnixMilli()
	fmt.Fprintf(w, `<section class="panel table ok" data-panel="t" data-look="table" data-sub="list/7/1/10" data-user="1" data-current="1"
data-version="1" data-at="%d" data-due="%d" data-status="ok"><header><h2>List</h2><span class="age" data-slot="age"></span></header>
<div data-slot="body"><p id="said">rendered</p><div class="foot"><nav><a data-page="2" aria-label="Page 2" href="?p.t=2">2</a></nav></div></div></section>
`, at, due)
	points := fmt.Sprintf(`{"a":[[%d,1],[%d,2]],"b":[[%d,5],[%d,4]]}`, at-20000, at-10000, at-20000, at-10000)
	fmt.Fprintf(w, `<section class="panel chart ok" data-panel="c" data-look="chart" data-sub="curve/-/1/10" data-user="0" data-current="1"
data-version="1" data-at="%d" data-due="%d" data-status="ok"><header><h2>Curve</h2><span class="age" data-slot="age"></span>
<button type="button" data-action="table" hidden>table</button></header>
<div class="plot" data-slot="plot" data-points="%s" data-unit="V"><svg class="axes" aria-label="Last hour: a, b"></svg></div>
<div data-slot="body">%s</div></section></main></body></html>`, at, due, html.EscapeString(points), legend("2.0", "4.0"))
}

func legend(a, b string) string {
	return fmt.Sprintf(`<ul class="legend"><li class="s0" data-series="a"><i></i>a <span class="value"><b>%s</b></span></li>`+
		`<li class="s1" data-series="b"><i></i>b <span class="value"><b>%s</b></span></li></ul><div class="records"><table><tr><td>%s</td></tr></table></div>`, a, b, a)
}
