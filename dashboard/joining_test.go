package dashboard_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pulsewall/pulsewall/cluster"
	"github.com/pulsewall/pulsewall/dashboard"
	"github.com/pulsewall/pulsewall/feeds"
)

// late is a cluster that takes its time to be joined.
type late struct {
	*cluster.Local
	joined atomic.Bool
}

func (l *late) State() cluster.State { return cluster.State{Degraded: !l.joined.Load()} }

// TestJoining holds what comes before a node has joined, but not for long; only of itself it tells at once.
func TestJoining(t *testing.T) {
	tests := []struct{ joins, want time.Duration }{
		{0, 0},
		{time.Second, time.Second},
		{time.Hour, 5 * time.Second},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			var l *late
			var handler cluster.Handler
			d, err := dashboard.New(two(dashboard.Options{Cluster: func(j dashboard.Joining) (cluster.Cluster, error) {
				l, handler = &late{Local: cluster.NewLocal(j.Node, j.Handler)}, j.Handler
				return l, nil
			}}))
			if err != nil {
				t.Fatal(err)
			}
			l.joined.Store(tt.joins == 0)
			ctx, cancel := context.WithCancel(t.Context())
			ran := make(chan error, 1)
			go func() { ran <- d.Run(ctx) }()
			synctest.Wait()
			join := time.AfterFunc(tt.joins, func() {
				l.joined.Store(true)
				handler.Changed()
			})
			defer join.Stop()
			ask := func(path string) int {
				w := httptest.NewRecorder()
				d.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, path, nil))
				return w.Code
			}
			if status := ask("/healthz"); status != http.StatusOK {
				t.Errorf("healthz %d", status)
			}
			if status := ask("/readyz"); tt.joins > 0 && status != http.StatusServiceUnavailable {
				t.Errorf("readyz %d before the node has joined", status)
			}
			begun := time.Now()
			if status, took := ask("/live/poll?wait=0"), time.Since(begun); status != http.StatusOK || took != tt.want {
				t.Errorf("joined after %v: %d after %v; want %v", tt.joins, status, took, tt.want)
			}
			if status := ask("/readyz"); status != http.StatusOK {
				t.Errorf("readyz %d", status)
			}
			cancel()
			if err := <-ran; err != nil {
				t.Error(err)
			}
		})
	}
}

// TestNothingIsPolledBeforeJoining is about what is always wanted: the others have it.
func TestNothingIsPolledBeforeJoining(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l *late
		var handler cluster.Handler
		source := &counting{}
		d, err := dashboard.New(dashboard.Options{
			Node: "here", Logger: slog.New(slog.DiscardHandler),
			Feeds:  []feeds.Feed{{Name: "rows", Source: source, Interval: time.Second}},
			Boards: []dashboard.Board{{Name: "rows", Title: "Rows", Panels: []dashboard.Panel{{Name: "rows", Title: "Rows", Feed: "rows", Pin: true}}}},
			Cluster: func(j dashboard.Joining) (cluster.Cluster, error) {
				l, handler = &late{Local: cluster.NewLocal(j.Node, j.Handler)}, j.Handler
				return l, nil
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ran := make(chan error, 1)
		go func() { ran <- d.Run(ctx) }()
		time.Sleep(3 * time.Second)
		if n := source.polls.Load(); n != 0 {
			t.Errorf("%d polls before the node has joined", n)
		}
		l.joined.Store(true)
		handler.Changed()
		time.Sleep(3 * time.Second)
		if n := source.polls.Load(); n != 3 {
			t.Errorf("%d polls in 3 s afterwards; want 3", n)
		}
		cancel()
		if err := <-ran; err != nil {
			t.Error(err)
		}
	})
}

// usedElsewhere is a late cluster that knows of each ticket that it was used, once it is joined.
type usedElsewhere struct{ *late }

func (u usedElsewhere) Claim(context.Context, string, time.Duration) (bool, error) {
	return !u.joined.Load(), nil
}

// TestTicketBeforeJoining: whether a ticket was used at another node is asked when the others can be asked, and not before.
func TestTicketBeforeJoining(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l *late
		var handler cluster.Handler
		run := func(join func(dashboard.Joining) (cluster.Cluster, error)) (d *dashboard.Dashboard, stop func()) {
			d, err := dashboard.New(two(dashboard.Options{
				Auth: &dashboard.Auth{Verify: tokens, TicketKey: []byte("what the nodes share")}, Logger: slog.New(slog.DiscardHandler), Cluster: join,
			}))
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			ran := make(chan error, 1)
			go func() { ran <- d.Run(ctx) }()
			return d, func() {
				cancel()
				if err := <-ran; err != nil {
					t.Error(err)
				}
			}
		}
		giver, stop := run(nil)
		defer stop()
		taker, stop := run(func(j dashboard.Joining) (cluster.Cluster, error) {
			l, handler = &late{Local: cluster.NewLocal(j.Node, j.Handler)}, j.Handler
			return usedElsewhere{l}, nil
		})
		defer stop()
		ask := func(d *dashboard.Dashboard, method, path, name, value string) *httptest.ResponseRecorder {
			w, r := httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), method, path, nil)
			r.Header.Set(name, value)
			d.ServeHTTP(w, r)
			return w
		}
		var got struct{ Ticket string }
		given := ask(giver, http.MethodPost, "/api/tickets", "Authorization", "Bearer seven")
		if err := json.Unmarshal(given.Body.Bytes(), &got); err != nil || got.Ticket == "" {
			t.Fatalf("a ticket: %d %s, %v", given.Code, given.Body, err)
		}
		join := time.AfterFunc(time.Second, func() {
			l.joined.Store(true)
			handler.Changed()
		})
		defer join.Stop()
		if taken := ask(taker, http.MethodGet, "/live?ticket="+got.Ticket, "Accept", "text/event-stream"); taken.Code != http.StatusUnauthorized {
			t.Errorf("a ticket that was used elsewhere: %d; want 401", taken.Code)
		}
	})
}
