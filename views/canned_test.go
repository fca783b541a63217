package views

import (
	"fmt"
	"math"
	"time"

	"github.com/pulsewall/pulsewall/feeds"
)

// The canned readings that tests show: made at noon, shown two seconds later.
var (
	noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	now  = noon.Add(2 * time.Second)
)

var hostAbout = feeds.Description{
	Title: "Host", ID: "id", Label: "label", Values: []string{"value"}, Unit: "unit", Whole: true,
	Fields: []feeds.Field{
		{Name: "id", Label: "Key", Type: "string"}, {Name: "group", Label: "Group", Type: "string"},
		{Name: "label", Label: "Name", Type: "string"}, {Name: "value", Label: "Value", Type: "number"},
		{Name: "unit", Label: "Unit", Type: "string"}, {Name: "detail", Label: "Detail", Type: "string"},
	},
}

var processesAbout = feeds.Description{
	Title: "Processes", ID: "pid", Label: "command", Whole: true,
	Fields: []feeds.Field{
		{Name: "pid", Label: "PID", Type: "integer"}, {Name: "command", Label: "Command", Type: "string"},
		{Name: "user", Label: "User", Type: "string"}, {Name: "cpu", Label: "CPU", Type: "percent"},
		{Name: "memory", Label: "Memory", Type: "bytes"}, {Name: "started", Label: "Started", Type: "time"},
	},
}

var stocksAbout = feeds.Description{
	Title: "Stocks", ID: "symbol", Label: "name", Values: []string{"price"}, Whole: true, PerUser: true, Simulated: true,
	Fields: []feeds.Field{
		{Name: "symbol", Label: "Symbol", Type: "string"}, {Name: "name", Label: "Name", Type: "string"},
		{Name: "price", Label: "Price", Type: "number"}, {Name: "change", Label: "Day", Type: "change"},
		{Name: "volume", Label: "Volume", Type: "integer"}, {Name: "simulated", Label: "Simulated", Type: "bool"},
	},
}

// canned is a reading at noon of a page of records.
func canned(sub string, records ...feeds.Record) feeds.Reading {
	s, err := feeds.ParseSubscription(sub)
	if err != nil {
		panic(err)
	}
	return feeds.Reading{
		Sub: s, Version: noon.UnixMicro(), At: noon, Due: noon.Add(10 * time.Second), Status: feeds.OK,
		Page: &feeds.Page{Records: records, Total: len(records), Size: s.Size, Current: s.Current, Pages: 1},
	}
}

// history is an hour of made-up values around level, one every ten seconds.
func history(level, swing float64, seed float64) []feeds.Point {
	points := make([]feeds.Point, 0, 361)
	for i := range 361 {
		x := float64(i) / 60
		v := level + swing*(math.Sin(x*1.7+seed)+0.5*math.Sin(x*5.3+2*seed)+0.25*math.Sin(x*17+seed*3))
		at := noon.Add(time.Duration(i-360) * 10 * time.Second)
		points = append(points, feeds.Point{At: at, Value: math.Round(v*100) / 100})
	}
	return points
}

func hostFragment() FragmentView {
	record := func(id, label string, value float64, unit, detail string) feeds.Record {
		return feeds.Record{"id": id, "group": "summary", "label": label, "value": value, "unit": unit, "detail": detail}
	}
	return FragmentView{
		Look: Look{View: "tiles"}, About: hostAbout,
		Reading: canned("host/-/1/10;group=summary",
			record("cpu", "CPU", 34, "%", "4 cores · load 1.42"),
			record("memory", "Memory", 7.9, "GiB", "of 23.4 GiB · 34 %"),
			record("network", "Network", 21.6, "Mbit/s", "in 16.2 · out 5.4"),
			record("disk", "Disk", 71, "%", "59 GiB free"),
			record("load", "Load", 1.42, "", "5 min 1.18 · 15 min 0.97"),
			feeds.Record{"id": "swap", "group": "summary", "label": "Swap", "value": nil, "unit": "GiB", "detail": "none"},
		),
		History: map[string][]feeds.Point{
			"cpu": history(34, 12, 1), "memory": history(7.9, 0.05, 2), "network": history(21, 8, 3),
			"disk": history(71, 0.1, 4), "load": history(1.4, 0.3, 5),
		},
	}
}

func cpuFragment() FragmentView {
	f := FragmentView{Look: Look{View: "chart"}, About: hostAbout, History: map[string][]feeds.Point{}}
	var records []feeds.Record
	for i := range 3 {
		id, label := fmt.Sprintf("cpu%d", i), fmt.Sprintf("core %d", i)
		points := history(60-25*float64(i), 14/(1+float64(i)), float64(i))
		if i == 1 {
			points = append(points[:100:100], points[140:]...) // nobody watched for a while
		}
		f.History[id] = points
		value := points[len(points)-1].Value
		records = append(records, feeds.Record{"id": id, "group": "cpu", "label": label, "value": value, "unit": "%"})
	}
	f.Reading = canned("host/-/1/10;group=cpu", records...)
	return f
}

func networkFragment() FragmentView {
	return FragmentView{
		Look: Look{View: "chart"}, About: hostAbout,
		Reading: canned("host/-/1/10;group=network",
			feeds.Record{"id": "in", "group": "network", "label": "in", "value": 19.6, "unit": "Mbit/s"},
			feeds.Record{"id": "out", "group": "network", "label": "out", "value": 13.3, "unit": "Mbit/s"}),
		History: map[string][]feeds.Point{"in": history(26, 11, 2), "out": history(10, 3, 4)},
	}
}

func processesFragment() FragmentView {
	commands := []string{
		"postgres: checkpointer", "pulsewall serve", "java -Xmx256m hazelcast", "nginx: worker process",
		"redis-server *:6379", "prometheus --storage.tsdb.path=/var/lib/prometheus/data --web.listen-address=:9090",
		"systemd-journald", "sshd: ops@pts/0",
	}
	users := []string{"postgres", "ops", "hz", "www-data", "redis", "prom", "root", "ops"}
	var records []feeds.Record
	for i, c := range commands {
		records = append(records, feeds.Record{
			"pid": 1 + 437*i, "command": c, "user": users[i], "cpu": 74.4 / float64(1+i*i),
			"memory": int64(412<<20) / int64(1+i*3), "started": noon.Add(-time.Duration(i*i) * time.Hour).Format(time.RFC3339),
		})
	}
	r := canned("processes/-/1/8", records...)
	r.Page.Total, r.Page.Pages = 214, 27
	return FragmentView{
		Look: Look{View: "table"}, About: processesAbout, Reading: r,
		PageHref: func(n int) string { return fmt.Sprintf("/d/overview?p.processes=%d", n) },
	}
}

func stocksFragment() FragmentView {
	f := FragmentView{Look: Look{View: "table"}, About: stocksAbout, History: map[string][]feeds.Point{}}
	var records []feeds.Record
	rows := []struct {
		symbol, name  string
		price, change float64
	}{
		{"HZN", "Horizon Grid", 184.22, 1.34}, {"PLS", "Pulse Instruments", 71.08, -0.62},
		{"WLL", "Wallface", 22.9, 0.05}, {"TPL", "Templar Foods", 310.55, -2.11}, {"GRD", "Gridworks", 9.74, 0},
	}
	for i, r := range rows {
		records = append(records, feeds.Record{
			"symbol": r.symbol, "name": r.name, "price": r.price, "change": r.change, "volume": 1204300 / (i + 1), "simulated": true,
		})
		f.History[r.symbol] = history(r.price, r.price/200, r.price)
	}
	f.Reading = canned("stocks/7/1/10", records...)
	return f
}

// panel puts a fragment onto a page.
func panel(name, title string, f FragmentView) PanelView {
	return PanelView{
		Fragment: f, Name: name, Title: title, Wide: f.Look.View == "tiles",
	}
}

func overview() PageView {
	return PageView{
		Frame: cannedFrame("Overview"), UnionID: "7", PerUser: true, Query: "presence=1&unionId=7", Cursor: "c-17.42",
		Now: now, Refresh: 10 * time.Second, Users: 12, Connections: 31,
		Panels: []PanelView{
			panel("host", "This machine", hostFragment()), panel("cpu", "CPU by core", cpuFragment()),
			panel("network", "Network", networkFragment()), panel("processes", "Processes", processesFragment()),
			panel("stocks", "Watch list of user 7", stocksFragment()),
		},
	}
}

func cannedFrame(title string) Frame {
	f := Frame{
		Title: title, Node: "node-2", Version: "0.1.0",
		Assets: func(name string) string { return "/assets/" + name },
	}
	for _, t := range []string{"Overview", "Sensors", "Stocks", "Weather"} {
		f.Nav = append(f.Nav, Link{Title: t, Href: "/d/" + t, Current: t == title})
	}
	return f
}
