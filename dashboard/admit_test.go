package dashboard

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pulsewall/pulsewall/feeds"
	"github.com/pulsewall/pulsewall/transport"
)

// A program that looks up who a client is has 10 s for it.
func TestAdmitWithin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &Dashboard{gate: newGate(Limits{Connections: 1, ConnectionsPerAddr: 1}), log: slog.New(slog.DiscardHandler), opts: Options{Admit: func(r *http.Request, _ *Visit) error {
			<-r.Context().Done()
			return r.Context().Err()
		}}}
		began := time.Now()
		_, _, err := d.admit(httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/live", nil), &Visit{})
		if !errors.Is(err, errUnsure) || time.Since(began) != admitWithin {
			t.Errorf("%v after %v; want 503 after %v", err, time.Since(began), admitWithin)
		}
		v := &Visit{Allow: func(ctx context.Context, _ transport.Op) error {
			<-ctx.Done()
			return ctx.Err()
		}}
		if err := d.askAllow(t.Context(), v, transport.Op{}); !errors.Is(err, errUnsure) {
			t.Errorf("Allow: %v; want 503", err)
		}
	})
}

// What is served may panic: who was admitted has left all the same, once.
func TestLeftOnPanic(t *testing.T) {
	d, run := newDashboard(t)
	run()
	var left []error
	d.opts.Left = func(_ *Visit, err error) { left = append(left, err) }
	var ctx context.Context
	serve := d.recoverer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.enter(w, r, &Visit{}, func(r *http.Request) error {
			ctx = r.Context()
			panic("broken")
		})
	}))
	w := httptest.NewRecorder()
	serve.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/live", nil))
	if w.Code != http.StatusInternalServerError || len(left) != 1 || !errors.Is(left[0], errPanicked) || ctx.Err() == nil {
		t.Errorf("%d, left %v, context %v; want 500, left once and ended", w.Code, left, ctx.Err())
	}
	d.gate.mu.Lock()
	defer d.gate.mu.Unlock()
	if d.gate.open != 0 {
		t.Errorf("%d are still counted", d.gate.open)
	}
}

// Who Admit has seen stays who it is, and watches what is its own.
func TestMayBecome(t *testing.T) {
	mine, another, all := feeds.Subscription{Feed: "mine", UnionID: "7"}, feeds.Subscription{Feed: "mine", UnionID: "8"}, feeds.Subscription{Feed: "rows"}
	tests := []struct {
		name          string
		visit         *Visit
		become, watch bool // as 8
	}{
		{"Admit is not asked", &Visit{}, true, true},
		{"Admit knows it", &Visit{UnionID: "7", bound: true}, false, false},
		{"Admit knows nobody", &Visit{bound: true}, false, false},
	}
	for _, tt := range tests {
		if err := tt.visit.mayBecome(tt.visit.UnionID); err != nil {
			t.Errorf("%s, itself: %v", tt.name, err)
		}
		if err := tt.visit.mayWatch(all); err != nil {
			t.Errorf("%s, what is nobody's: %v", tt.name, err)
		}
		if err := tt.visit.mayWatch(mine); (err == nil) != (tt.watch || tt.visit.UnionID == "7") {
			t.Errorf("%s, records of 7: %v", tt.name, err)
		}
		for what, got := range map[string]struct {
			err     error
			allowed bool
		}{"become 8": {tt.visit.mayBecome("8"), tt.become}, "records of 8": {tt.visit.mayWatch(another), tt.watch}} {
			if got.allowed != (got.err == nil) || !got.allowed && problem(got.err).Status != http.StatusForbidden {
				t.Errorf("%s, %s: %v", tt.name, what, got.err)
			}
		}
	}
}
