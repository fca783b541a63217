package acceptance

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/dashboard"
	"github.com/pulsewall/pulsewall/feeds"
)

// crowd is many clients at once. All are closed and waited for by end.
type crowd struct {
	t      *testing.T
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup
	heard  atomic.Int64 // clients that have a reading
}

func newCrowd(t *testing.T) *crowd {
	c := &crowd{t: t}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	t.Cleanup(c.end)
	return c
}

func (c *crowd) end() {
	c.cancel()
	c.wg.Wait()
}

// watch opens a stream and reads it until the crowd ends.
func (c *crowd) watch(s *site, transport, query string) {
	first := true
	c.listen(s, transport, query, func(e event) {
		if first && e.Event == "reading" {
			first = false
			c.heard.Add(1)
		}
	})
}

// listen opens a stream and gives what it brings to heard until the crowd ends.
func (c *crowd) listen(s *site, transport, query string, heard func(event)) {
	c.wg.Go(func() {
		var conn stream
		var err error
		if transport == "sse" {
			conn, err = s.sse(c.ctx, query)
		} else {
			conn, err = s.socket(c.ctx, query)
		}
		if err != nil {
			c.t.Errorf("%s %s: %v", transport, query, err)
			return
		}
		defer conn.close()
		for {
			e, err := conn.next()
			if err != nil {
				if c.ctx.Err() == nil {
					c.t.Errorf("%s %s: %v", transport, query, err)
				}
				return
			}
			heard(e)
		}
	})
}

// pollOn asks again and again by long poll until the crowd ends.
func (c *crowd) pollOn(s *site, query string) {
	c.wg.Go(func() {
		after := ""
		for c.ctx.Err() == nil {
			got, err := s.poll(c.ctx, query+"&after="+after)
			if err != nil {
				if c.ctx.Err() == nil {
					c.t.Errorf("poll %s: %v", query, err)
				}
				return
			}
			if after == "" {
				c.heard.Add(1)
			}
			after = got.Cursor
		}
	})
}

// refresh loads a page once an interval until the crowd ends, as a browser without scripts does.
func (c *crowd) refresh(s *site, address string, interval time.Duration) {
	c.wg.Go(func() {
		ticker := time.NewTicker(interval)
		defer ticker.Stop()
		for first := true; ; first = false {
			resp, err := clients.Get(s.URL + address)
			if err != nil || resp.StatusCode != 200 {
				c.t.Errorf("page %s: %v %v", address, resp, err)
				return
			}
			_ = resp.Body.Close()
			if first {
				c.heard.Add(1)
			}
			select {
			case <-ticker.C:
			case <-c.ctx.Done():
				return
			}
		}
	})
}

// TestPolls has a source that counts its polls, and crowds that watch it: one poll an interval, whoever watches, or one for each
// page where the source cuts them. It runs before the tests that look at the clock, since a thousand clients make a machine slow.
func TestPolls(t *testing.T) {
	const interval, intervals = 2 * time.Second, 3
	tests := []struct {
		name    string
		whole   bool
		clients int
		gather  func(c *crowd, s *site)
		polls   int // an interval
	}{
		{"1000 clients on one subscription", true, 1000, func(c *crowd, s *site) {
			for i := range 1000 {
				c.watch(s, []string{"websocket", "sse"}[i%2], fmt.Sprint("feed=counter&unionId=", i))
			}
		}, 1},
		{"100 clients on 100 pages of a whole table", true, 100, func(c *crowd, s *site) {
			for i := range 100 {
				c.watch(s, []string{"websocket", "sse"}[i%2], fmt.Sprint("feed=counter&current=", i+1))
			}
		}, 1},
		{"50 pages that refresh and 50 long polls", true, 100, func(c *crowd, s *site) {
			for range 50 {
				c.refresh(s, "/d/d", interval)
				c.pollOn(s, "feed=counter")
			}
		}, 1},
		{"300 subscriptions to pages that the source cuts", false, 300, func(c *crowd, s *site) {
			for i := range 300 {
				c.watch(s, []string{"websocket", "sse"}[i%2], fmt.Sprint("feed=counter&current=", i+1))
			}
		}, 300},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			source := &counter{whole: tt.whole, rows: 5000}
			s := newSite(t, dashboard.Options{
				Feeds:  []feeds.Feed{{Name: "counter", Source: source, Interval: interval}},
				Boards: []dashboard.Board{{Name: "d", Title: "D", Panels: []dashboard.Panel{{Name: "c", Title: "C", Feed: "counter"}}}},
			})
			c := newCrowd(t)
			tt.gather(c, s)
			eventually(t, 30*time.Second, func() error {
				if n := c.heard.Load(); n < int64(tt.clients) {
					return fmt.Errorf("%d of %d clients have a reading", n, tt.clients)
				}
				return nil
			})
			before, start := source.count(), time.Now()
			want := intervals * tt.polls
			eventually(t, intervals*interval+time.Second, func() error {
				if n := source.count() - before; n < want {
					return fmt.Errorf("%d polls of %d", n, want)
				}
				return nil
			})
			polls, took := source.count()-before, time.Since(start)
			most := (int(took/interval) + 1) * tt.polls
			if edge := max(1, most/10); polls > most+edge { // what falls on the edges of the span
				t.Errorf("%d polls in %v with %d clients; want %d at most", polls, took.Round(time.Millisecond), tt.clients, most+edge)
			}
			t.Logf("%d polls in %v with %d clients", polls, took.Round(time.Millisecond), tt.clients)
		})
	}
}
