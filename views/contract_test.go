package views

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/pulsewall/pulsewall/feeds"
)

// each calls visit for every element below n.
func each(n *html.Node, visit func(*html.Node)) {
	for d := range n.Descendants() {
		if d.Type == html.ElementNode {
			visit(d)
		}
	}
}

func parse(t *testing.T, b []byte) *html.Node {
	t.Helper()
	doc, err := html.Parse(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// find gives the elements with an attribute; value "" means any value.
func find(n *html.Node, name, value string) []*html.Node {
	var found []*html.Node
	each(n, func(e *html.Node) {
		if v, ok := attr(e, name); ok && (value == "" || v == value) {
			found = append(found, e)
		}
	})
	return found
}

func attr(n *html.Node, name string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}

func textOf(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return b.String()
}

// TestPageHoldsTheContract checks what the script relies on.
func TestPageHoldsTheContract(t *testing.T) {
	doc := parse(t, render(t, Page(overview())))
	for name, want := range map[string]string{
		"data-live": "/live", "data-query": "presence=1&unionId=7", "data-cursor": "c-17.42",
		"data-time": "2026-03-01T12:00:02.000Z", "data-union-id": "7",
	} {
		main := find(doc, "data-live", "")[0]
		if got, ok := attr(main, name); !ok || got != want {
			t.Errorf("main %s = %q, %v; want %q", name, got, ok, want)
		}
	}
	for _, slot := range []string{"connection", "state", "transport", "people", "notices", "user", "age", "body", "plot"} {
		if len(find(doc, "data-slot", slot)) == 0 {
			t.Errorf("no element has data-slot=%s", slot)
		}
	}
	for _, action := range []string{"pause", "theme", "table"} {
		for _, b := range find(doc, "data-action", action) {
			if _, hidden := attr(b, "hidden"); !hidden {
				t.Errorf("button %s is not hidden, but needs the script", action)
			}
		}
	}
	var strings map[string]string
	body := find(doc, "data-strings", "")
	if len(body) != 1 {
		t.Fatalf("%d elements have data-strings; want the body", len(body))
	}
	words, _ := attr(body[0], "data-strings")
	if err := json.Unmarshal([]byte(words), &strings); err != nil || strings["live"] != "Live" {
		t.Errorf("data-strings: live = %q, %v; want Live", strings["live"], err)
	}
}

func TestPanelHoldsTheContract(t *testing.T) {
	p := panelIn("table", processesFragment(), states["failing"])
	doc := parse(t, render(t, Panel(p)))
	section := find(doc, "data-panel", "table")[0]
	want := map[string]string{
		"id": "panel-table", "class": "panel table stale old", "data-look": "table", "data-sub": "processes/-/1/8",
		"data-user": "0", "data-current": "1", "data-version": "1772366400000000",
		"data-at": "1772366368000", "data-due": "1772366410000", "data-source-at": "", "data-status": "stale",
		"data-reason": "failed", "data-error": "connect to db-1:5432: connection refused", "data-since": "1772366400000",
	}
	for name, value := range want {
		if got, ok := attr(section, name); !ok || got != value {
			t.Errorf("%s = %q, %v; want %q", name, got, ok, value)
		}
	}
	age := textOf(find(doc, "data-slot", "age")[0])
	const reason = "source failing: connect to db-1:5432: connection refused · data of 11:59:28 UTC (34 s old)"
	if strings.TrimSpace(age) != reason {
		t.Errorf("age = %q; want %q", age, reason)
	}
	for _, link := range find(doc, "data-page", "") {
		page, _ := attr(link, "data-page")
		if href, _ := attr(link, "href"); href != "/d/overview?p.processes="+page {
			t.Errorf("link to page %s goes to %q", page, href)
		}
	}
}

func TestPlotPointsKeepTheirOrder(t *testing.T) {
	f := cpuFragment()
	f.History["cpu10"] = f.History["cpu2"]
	doc := parse(t, render(t, Panel(panel("cpu", "CPU", f))))
	data, _ := attr(find(doc, "data-points", "")[0], "data-points")
	var points map[string][][2]float64
	if err := json.Unmarshal([]byte(data), &points); err != nil || len(points["cpu0"]) > 151 {
		t.Fatalf("data-points: %d points of cpu0, %v; want at most 151", len(points["cpu0"]), err)
	}
	var order []string
	for _, m := range regexp.MustCompile(`"(\w+)":`).FindAllStringSubmatch(data, -1) {
		order = append(order, m[1])
	}
	if got := strings.Join(order, " "); got != "cpu0 cpu1 cpu2 cpu10" {
		t.Errorf("series come as %s; want by number", got)
	}
}

// TestNothingInline keeps every page and fragment within a policy without unsafe-inline.
func TestNothingInline(t *testing.T) {
	pages := map[string][]byte{
		"overview": render(t, Page(overview())), "states": render(t, Page(allStates())),
		"hostile": render(t, Page(hostilePage())), "index": render(t, Index(cannedIndex())),
		"judged": render(t, Page(judgedPage())),
	}
	for name, b := range pages {
		each(parse(t, b), func(n *html.Node) {
			for _, a := range n.Attr {
				if a.Key == "style" || strings.HasPrefix(a.Key, "on") || strings.HasPrefix(strings.ToLower(a.Val), "javascript:") && a.Key == "href" {
					t.Errorf("%s: <%s %s=%q>", name, n.Data, a.Key, a.Val)
				}
			}
			if n.Data == "script" && n.FirstChild != nil || n.Data == "style" {
				t.Errorf("%s: inline <%s>", name, n.Data)
			}
		})
	}
}

// hostile is what somebody could put into a record.
const hostile = "\"><script>alert(1)</script><img src=x onerror='alert(2)'> \u202egpj.exe " + "</section></main>"

func hostilePage() PageView {
	page := overview()
	page.Title, page.UnionID, page.Node = hostile, hostile, hostile
	for i := range page.Panels {
		p := &page.Panels[i]
		p.Title, p.Fragment.Reading.Error, p.Fragment.About.Origin = hostile, hostile, hostile
		for j, rec := range p.Fragment.Reading.Page.Records {
			dirty := feeds.Record{}
			for key, v := range rec {
				if _, ok := v.(string); ok {
					v = hostile + strings.Repeat("x", 500)
				}
				dirty[key] = v
			}
			p.Fragment.Reading.Page.Records[j] = dirty
		}
	}
	page.Panels[1].Fragment.History[hostile] = history(1, 1, 1)
	return page
}

func TestHostileTextIsText(t *testing.T) {
	clean, dirty := map[string]int{}, map[string]int{}
	each(parse(t, render(t, Page(overview()))), func(n *html.Node) { clean[n.Data]++ })
	b := render(t, Page(hostilePage()))
	each(parse(t, b), func(n *html.Node) { dirty[n.Data]++ })
	for _, tag := range []string{"script", "img", "section", "main"} {
		if dirty[tag] != clean[tag] {
			t.Errorf("%d <%s> with hostile records; want %d as without", dirty[tag], tag, clean[tag])
		}
	}
	if !strings.Contains(textOf(parse(t, b)), hostile) {
		t.Error("the hostile text is not shown as it is")
	}
}

func TestRenderFragments(t *testing.T) {
	table, tiles := processesFragment(), hostFragment()
	table.PageHref = nil
	chosen := table
	chosen.Look.Fields = []string{"command", "cpu"}
	var b bytes.Buffer
	if err := RenderFragments(&b, []FragmentView{table, tiles, chosen, table}); err != nil {
		t.Fatal(err)
	}
	doc := parse(t, b.Bytes())
	var keys []string
	for _, n := range find(doc, "data-look", "") {
		key, _ := attr(n, "data-look")
		keys = append(keys, key)
	}
	if got := strings.Join(keys, " "); got != "table tiles table:command,cpu" {
		t.Errorf("looks = %s; want each once", got)
	}
	part := find(doc, "data-look", "table")[0]
	var body bytes.Buffer
	for c := range part.ChildNodes() {
		if err := html.Render(&body, c); err != nil {
			t.Fatal(err)
		}
	}
	panel := parse(t, render(t, Panel(PanelView{Fragment: table, Name: "p", Now: now})))
	var want bytes.Buffer
	for c := range find(panel, "data-slot", "body")[0].ChildNodes() {
		if err := html.Render(&want, c); err != nil {
			t.Fatal(err)
		}
	}
	if body.String() != want.String() {
		t.Error("a pushed fragment differs from the body of its panel")
	}
	for _, link := range find(part, "data-page", "") {
		if href, ok := attr(link, "href"); ok && href != "" {
			t.Errorf("a pushed link goes to %q; only the page knows where", href)
		}
	}
	if n := len(find(find(doc, "data-look", "table:command,cpu")[0], "scope", "col")); n != 2 {
		t.Errorf("%d columns; want the two chosen", n)
	}
}
