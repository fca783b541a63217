package dashboard

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/pulsewall/pulsewall/feeds"
	"github.com/pulsewall/pulsewall/transport"
	"github.com/pulsewall/pulsewall/views"
)

// nodesName names the feed of the nodes, and the dashboard that shows it; onlineName the feed of who is online.
const nodesName, onlineName = "nodes", "online"

// nodesEvery is how often the board of the nodes looks: with the 10 s of silence that a node is given it makes less than 12 s.
const nodesEvery = 1500 * time.Millisecond

// withNodes adds what a cluster has to show, unless there are feeds and a dashboard of those names.
func (d *Dashboard) withNodes(opts Options) Options {
	for _, own := range []feeds.Feed{
		{Name: nodesName, Source: nodesSource{d}, Interval: nodesEvery},
		{Name: onlineName, Source: onlineSource{d}, Interval: 5 * time.Second},
	} {
		if !slices.ContainsFunc(opts.Feeds, func(f feeds.Feed) bool { return f.Name == own.Name }) {
			opts.Feeds = append(slices.Clone(opts.Feeds), own)
		}
	}
	if !slices.ContainsFunc(opts.Boards, func(b Board) bool { return b.Name == nodesName }) {
		opts.Boards = append(slices.Clone(opts.Boards), Board{Name: nodesName, Title: "Nodes", Panels: []Panel{
			{Name: "online", Title: "Online on all nodes", Feed: onlineName, View: "tiles", Wide: true, Pin: true},
			{Name: "nodes", Title: "Nodes", Feed: nodesName, Size: 50, Wide: true, Pin: true},
		}})
	}
	return opts
}

// nodesSource is the table of the nodes as this one sees them.
type nodesSource struct{ d *Dashboard }

func (s nodesSource) Describe() feeds.Description {
	return feeds.Description{
		Title: "Nodes",
		Fields: []feeds.Field{
			{Name: "name", Label: "Node", Type: "string"},
			{Name: "note", Label: "Note", Type: "string"},
			{Name: "state", Label: "State", Type: "state"},
			{Name: "uptime", Label: "Uptime", Type: "duration"},
			{Name: "cpu", Label: "CPU", Type: "percent"},
			{Name: "memory", Label: "Memory", Type: "bytes"},
			{Name: "websocket", Label: "WebSocket", Type: "integer"},
			{Name: "sse", Label: "SSE", Type: "integer"},
			{Name: "poll", Label: "Long poll", Type: "integer"},
			{Name: "older", Label: "Older", Type: "integer"},
			{Name: "polls", Label: "Polls", Unit: "/min", Type: "number"},
			{Name: "events", Label: "Events", Unit: "/s", Type: "number"},
			{Name: "messages", Label: "Messages", Type: "integer"},
			{Name: "roundTrip", Label: "Hazelcast", Unit: "ms", Type: "number"},
			{Name: "heard", Label: "Heard", Type: "duration"},
		},
		ID: "name", Label: "note", Whole: true, PerNode: true,
	}
}

func (s nodesSource) Poll(context.Context, feeds.Query) (feeds.Result, error) {
	var records []feeds.Record
	now := time.Now()
	for _, n := range s.d.nodeInfos() {
		heard := now.Sub(time.Time(n.Seen))
		r := feeds.Record{"name": n.Name, "state": n.State, "note": s.note(n, heard), "heard": math.Floor(max(0, heard.Seconds()))}
		if n.here() {
			started := time.Time(n.Started)
			r["cpu"], r["memory"], r["messages"] = n.CPU, n.Memory, n.Messages
			r["polls"], r["events"] = math.Round(n.PollRate), math.Round(n.EventRate)
			if !started.IsZero() {
				r["uptime"] = math.Floor(max(0, now.Sub(started).Seconds()+n.Ahead))
			}
			if n.State != stateAlone {
				r["roundTrip"] = n.RoundTrip
			}
			ours := 0
			for _, kind := range []transport.Kind{transport.WebSocket, transport.SSE, transport.LongPoll} {
				r[string(kind)] = n.Transports[kind]
				ours += n.Transports[kind]
			}
			r["older"] = *n.Connections - ours // clients of other programs
		}
		records = append(records, r)
	}
	return feeds.Result{Records: records}, nil
}

// Where a node is so far from the usual that it is worth a word.
const (
	muchAhead = 1               // seconds
	slowTrip  = 100             // milliseconds
	longHeard = 5 * time.Second // signs of life come every 3 s
)

// note says what is special about a node.
func (s nodesSource) note(n nodeInfo, heard time.Duration) string {
	var parts []string
	if n.Self {
		parts = append(parts, "this node")
	}
	if n.twins {
		parts = append(parts, "its name is used twice")
	}
	if n.here() {
		if math.Abs(n.Ahead) >= muchAhead {
			way := "ahead"
			if n.Ahead < 0 {
				way = "behind"
			}
			parts = append(parts, fmt.Sprintf("clock %s %s", views.Duration(time.Duration(math.Abs(n.Ahead)*float64(time.Second))), way))
		}
		if heard > longHeard {
			parts = append(parts, "silent")
		}
		if n.RoundTrip >= slowTrip && n.State != stateAlone {
			parts = append(parts, "Hazelcast is slow")
		}
		if n.Version != s.d.opts.Version && n.Version != "" {
			parts = append(parts, "version "+n.Version)
		}
	}
	return strings.Join(parts, " · ")
}

// onlineSource tells how many are online on all nodes, a record each way to count them.
type onlineSource struct{ d *Dashboard }

func (s onlineSource) Describe() feeds.Description {
	return feeds.Description{
		Title: "Online",
		Fields: []feeds.Field{
			{Name: "id", Label: "Id", Type: "string"},
			{Name: "label", Label: "Count of", Type: "string"},
			{Name: "value", Label: "Value", Type: "integer"},
			{Name: "detail", Label: "Detail", Type: "string"},
		},
		ID: "id", Label: "label", Values: []string{"value"}, Whole: true,
	}
}

func (s onlineSource) Poll(context.Context, feeds.Query) (feeds.Result, error) {
	o, nodes, detail := s.d.online(), len(s.d.livingNodes()), "all live"
	for _, n := range s.d.nodeInfos() {
		switch {
		case n.State == stateLive:
		case detail == "all live":
			detail = n.Name + " " + n.State
		default:
			detail += ", " + n.Name + " " + n.State
		}
	}
	count := func(id, label string, n int, detail string) feeds.Record {
		return feeds.Record{"id": id, "label": label, "value": n, "detail": detail}
	}
	of := func(kind transport.Kind) string {
		if o.connections == 0 {
			return ""
		}
		return fmt.Sprintf("%.0f %% of connections", 100*float64(o.transports[kind])/float64(o.connections))
	}
	return feeds.Result{Records: []feeds.Record{
		count("nodes", "Nodes", nodes, detail),
		count("users", "Users", o.users, "distinct"),
		count("connections", "Connections", o.connections, "each tab or program once"),
		count("websocket", "WebSocket", o.transports[transport.WebSocket], of(transport.WebSocket)),
		count("sse", "SSE", o.transports[transport.SSE], of(transport.SSE)),
		count("poll", "Long poll", o.transports[transport.LongPoll], of(transport.LongPoll)),
	}}, nil
}
