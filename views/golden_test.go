package views

import (
	"bytes"
	"context"
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/a-h/templ"

	"github.com/pulsewall/pulsewall/feeds"
)

var update = flag.Bool("update", false, "write the golden files of testdata anew")

// states are what can happen to a reading, by name.
var states = map[string]func(*feeds.Reading){
	"ok":      func(*feeds.Reading) {},
	"loading": func(r *feeds.Reading) { *r = feeds.Reading{Sub: r.Sub, Status: feeds.Loading} },
	"error": func(r *feeds.Reading) {
		r.Page, r.Status, r.Error, r.Since = nil, feeds.Failed, "The source refused the connection.", noon.Add(-time.Minute)
	},
	"failing": failed,
	"pausing": func(r *feeds.Reading) {
		failed(r)
		r.Circuit, r.Due = feeds.CircuitOpen, noon.Add(42*time.Second)
	},
	"source-old": func(r *feeds.Reading) {
		r.Status, r.Reason, r.Since, r.SourceAt = feeds.Stale, feeds.ReasonSourceOld, noon, noon.Add(-2*time.Minute)
	},
	"late":  func(r *feeds.Reading) { r.At, r.Due = noon.Add(-15*time.Second), noon.Add(-5*time.Second) },
	"empty": func(r *feeds.Reading) { *r.Page = feeds.Page{Size: r.Page.Size, Current: 1} },
	"past": func(r *feeds.Reading) {
		*r.Page = feeds.Page{Size: r.Page.Size, Current: 30, Total: 214, Pages: 27}
	},
}

// failed is a poll that did, of a source that had answered before.
func failed(r *feeds.Reading) {
	r.Status, r.Reason, r.Error = feeds.Stale, feeds.ReasonFailed, "connect to db-1:5432: connection refused"
	r.Since, r.At = noon, noon.Add(-32*time.Second)
}

// looks are one fragment of each view.
var looks = map[string]func() FragmentView{
	"tiles": hostFragment, "chart": cpuFragment, "table": processesFragment, "curves": stocksFragment,
}

func TestPanelGolden(t *testing.T) {
	for look, build := range looks {
		for state, change := range states {
			t.Run(look+"-"+state, func(t *testing.T) {
				golden(t, "panel-"+look+"-"+state+".html", Panel(panelIn(look, build(), change)))
			})
		}
	}
}

func TestPageGolden(t *testing.T) {
	golden(t, "page-overview.html", Page(overview()))
	golden(t, "page-states.html", Page(allStates()))
	golden(t, "page-index.html", Index(cannedIndex()))
	golden(t, "page-nodes.html", Page(cannedNodes()))
	golden(t, "page-judged.html", Page(judgedPage()))
	golden(t, "page-chat.html", Chat(cannedChat()))
	writing := cannedChat()
	writing.Writing, writing.Text, writing.Refusal = true, "typed <b>\nso far", "data has 8193 bytes: at most 8192 are allowed"
	golden(t, "page-chat-writing.html", Chat(writing))
	notices := cannedIndex()
	notices.Notices = NoticesView{Messages: cannedMessages()[:2], Earlier: 3}
	golden(t, "page-notices.html", Index(notices))
	golden(t, "page-error.html", ErrorPage(ErrorView{
		Frame: cannedFrame("No such dashboard"), Status: 404,
		Detail: "There is no dashboard “overwiev”. The dashboards here are overview, sensors, stocks and weather.",
	}))
}

// panelIn is a panel of a fragment whose reading was changed.
func panelIn(name string, f FragmentView, change func(*feeds.Reading)) PanelView {
	change(&f.Reading)
	if f.Reading.Page == nil {
		f.History = nil
	}
	p := panel(name, f.About.Title, f)
	p.Now = now
	return p
}

// allStates is a page with every look in every state but the good one.
func allStates() PageView {
	page := overview()
	page.Title, page.Panels, page.Degraded = "States", nil, true
	for _, state := range []string{"failing", "source-old", "late", "loading", "error", "empty", "past"} {
		for _, look := range []string{"tiles", "chart", "table", "curves"} {
			p := panelIn(look+"-"+state, looks[look](), states[state])
			p.Title += " " + state
			p.Wide = look == "tiles"
			page.Panels = append(page.Panels, p)
		}
	}
	return page
}

// cannedNodes is a page on which the machine of a node can be chosen, with nodes in every state.
func cannedNodes() PageView {
	page := overview()
	page.Frame, page.UnionID, page.PerUser, page.Query = cannedFrame("Nodes"), "", false, "presence=1"
	page.Nodes, page.Node = []string{"n1", "n2"}, "n2"
	about := feeds.Description{
		Title: "Nodes", ID: "name", Label: "note", Whole: true, PerNode: true,
		Fields: []feeds.Field{
			{Name: "name", Label: "Node", Type: "string"}, {Name: "note", Label: "Note", Type: "string"}, {Name: "state", Label: "State", Type: "state"},
			{Name: "uptime", Label: "Uptime", Type: "duration"}, {Name: "poll", Label: "Long poll", Type: "integer"},
		},
	}
	var records []feeds.Record
	for i, state := range []string{"live", "leaving", "left", "alone", "unknown", "gone", "<odd>"} {
		records = append(records, feeds.Record{"name": "n" + strconv.Itoa(i+1), "note": "this node", "state": state, "uptime": 100000.0 * float64(i), "poll": i})
	}
	records[5]["uptime"], records[5]["poll"], records[5]["note"] = nil, nil, ""
	f := FragmentView{Look: Look{View: "table"}, About: about, Reading: canned("nodes@n2/-/1/50", records...)}
	page.Panels = []PanelView{panel("nodes", "Nodes", f)}
	page.Panels[0].Follows = true
	return page
}

func cannedIndex() IndexView {
	page := overview()
	page.Frame, page.UnionID, page.PerUser, page.Query, page.Panels = cannedFrame("Dashboards"), "", false, "presence=1", nil
	return IndexView{PageView: page, Dashboards: []Card{
		{Title: "Overview", Href: "/d/overview", Text: "This machine, as it is.", Panels: []string{"This machine", "CPU by core", "Network", "Processes"}},
		{Title: "Stocks", Href: "/d/stocks", Text: "A watch list for each user.", Panels: []string{"Watch list", "Prices"}, Simulated: true},
		{Title: "Weather", Href: "/d/weather", Panels: []string{"Cities", "Temperatures"}},
	}}
}

// golden compares what c renders with a file of testdata.
func golden(t *testing.T, name string, c templ.Component) {
	t.Helper()
	got := render(t, c)
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; go test ./views -update writes it", err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs from what is rendered now; go test ./views -update writes it anew, git diff shows the difference", path)
	}
}

func render(t *testing.T, c templ.Component) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := c.Render(context.Background(), &b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
