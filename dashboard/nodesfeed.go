package dashboard

import (
	"context"
	"slices"
	"time"

	"github.com/pulsewall/pulsewall/feeds"
	"github.com/pulsewall/pulsewall/transport"
)

// nodesName names the feed of the nodes, and the dashboard that shows it.
const nodesName = "nodes"

// withNodes adds the feed of the nodes and its dashboard, unless there are some of that name.
func (d *Dashboard) withNodes(opts Options) Options {
	if !slices.ContainsFunc(opts.Feeds, func(f feeds.Feed) bool { return f.Name == nodesName }) {
		opts.Feeds = append(slices.Clone(opts.Feeds), feeds.Feed{Name: nodesName, Source: nodesSource{d}, Interval: 3 * time.Second})
	}
	if !slices.ContainsFunc(opts.Boards, func(b Board) bool { return b.Name == nodesName }) {
		opts.Boards = append(slices.Clone(opts.Boards), Board{Name: nodesName, Title: "Nodes", Panels: []Panel{
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
			{Name: "state", Label: "State", Type: "string"},
			{Name: "seen", Label: "Seen", Type: "time"},
			{Name: "started", Label: "Started", Type: "time"},
			{Name: "memory", Label: "Memory", Type: "bytes"},
			{Name: "websocket", Label: "WebSocket", Type: "integer"},
			{Name: "sse", Label: "SSE", Type: "integer"},
			{Name: "poll", Label: "Long poll", Type: "integer"},
			{Name: "polls", Label: "Polls wanted", Type: "integer"},
			{Name: "messages", Label: "Messages kept", Type: "integer"},
			{Name: "version", Label: "Version", Type: "string"},
		},
		ID: "name", Whole: true, PerNode: true,
	}
}

func (s nodesSource) Poll(context.Context, feeds.Query) (feeds.Result, error) {
	var records []feeds.Record
	for _, n := range s.d.nodeInfos() {
		r := feeds.Record{
			"name": n.Name, "state": n.State, "seen": time.Time(n.Seen), "started": time.Time(n.Started), "memory": n.Memory,
			"polls": n.Polls, "messages": n.Messages, "version": n.Version,
		}
		for _, kind := range transport.Kinds {
			r[string(kind)] = n.Sessions[kind]
		}
		records = append(records, r)
	}
	return feeds.Result{Records: records}, nil
}
