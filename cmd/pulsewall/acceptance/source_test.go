package acceptance

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/pulsewall/pulsewall/feeds"
)

// counter is a source that counts its polls. Each record tells the poll that it is from.
type counter struct {
	whole   bool
	perUser bool
	rows    int    // of the whole table
	note    string // in each record
	stopped bool   // its time field stands still from the start on

	mu    sync.Mutex
	polls []time.Time
	began time.Time
}

func (c *counter) Describe() feeds.Description {
	return feeds.Description{
		Title: "Counter",
		Fields: []feeds.Field{
			{Name: "id", Label: "Record", Type: "string"},
			{Name: "poll", Label: "Poll", Type: "integer"},
			{Name: "note", Label: "Note", Type: "string"},
			{Name: "written", Label: "Written", Type: "time"},
		},
		ID: "id", Values: []string{"poll"}, Time: "written", Whole: c.whole, PerUser: c.perUser, Simulated: true,
	}
}

func (c *counter) Poll(_ context.Context, q feeds.Query) (feeds.Result, error) {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.polls = append(c.polls, now)
	if c.began.IsZero() {
		c.began = now
	}
	if c.stopped {
		now = c.began
	}
	from, to := 0, c.rows
	if !c.whole {
		from, to = min(q.Offset, c.rows), min(q.Offset+q.Limit, c.rows)
	}
	var list []feeds.Record
	for i := from; i < to; i++ {
		list = append(list, feeds.Record{
			"id": fmt.Sprintf("row %d", i+1), "poll": len(c.polls), "note": c.note + q.UnionID, "written": now.UTC().Format(time.RFC3339Nano),
		})
	}
	return feeds.Result{Records: list, Total: c.rows, Newest: now}, nil
}

// count returns how often the source was polled.
func (c *counter) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.polls)
}

// times returns when the source was polled.
func (c *counter) times() []time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.polls)
}

// feedEvery is a feed of that interval, whose name and source come later.
func feedEvery(interval time.Duration) feeds.Feed { return feeds.Feed{Interval: interval} }
