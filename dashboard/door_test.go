package dashboard_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/pulsewall/pulsewall/dashboard"
	"github.com/pulsewall/pulsewall/transport"
)

// door notes who was admitted and who left, and lets in by the header Ticket.
type door struct {
	mu       sync.Mutex
	admitted []*dashboard.Visit
	left     map[*dashboard.Visit][]error
}

func (d *door) options() dashboard.Options {
	d.left = make(map[*dashboard.Visit][]error)
	return two(dashboard.Options{Admit: d.admit, Left: d.leave})
}

func (d *door) admit(r *http.Request, v *dashboard.Visit) error {
	switch ticket := r.Header.Get("Ticket"); ticket {
	case "":
		return &dashboard.Problem{Status: http.StatusUnauthorized, Detail: "no ticket"}
	case "full":
		return &dashboard.Problem{Status: http.StatusServiceUnavailable, Detail: "the house is full"}
	case "odd":
		return fmt.Errorf("odd: %w", &dashboard.Problem{Status: http.StatusOK, Detail: "secret"})
	case "broken":
		return errors.New("secret")
	case "late":
		return fmt.Errorf("ask the office: %w", context.DeadlineExceeded)
	case "panic":
		panic("secret")
	default:
		v.UnionID, v.Attributes = ticket, map[string]any{"row": 3}
	}
	v.Allow = func(_ context.Context, op transport.Op) error {
		if op.Op == "subscribe" && op.Sub != "mine" {
			return &dashboard.Problem{Status: http.StatusForbidden, Detail: "only mine"}
		}
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.admitted = append(d.admitted, v)
	return nil
}

func (d *door) leave(v *dashboard.Visit, err error) {
	d.mu.Lock()
	d.left[v] = append(d.left[v], err)
	d.mu.Unlock()
	if v.UnionID == "13" {
		panic("unlucky")
	}
}

// last is the newest visit.
func (d *door) last() *dashboard.Visit {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.admitted[len(d.admitted)-1]
}

// count is how many were admitted.
func (d *door) count() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.admitted)
}

// wantLeft waits until n visits were admitted and each has left once.
func (d *door) wantLeft(t *testing.T, n int) {
	t.Helper()
	eventually(t, func() error {
		d.mu.Lock()
		defer d.mu.Unlock()
		if len(d.admitted) != n || len(d.left) != n {
			return fmt.Errorf("%d admitted, %d left; want %d", len(d.admitted), len(d.left), n)
		}
		for _, v := range d.admitted {
			if len(d.left[v]) != 1 {
				return fmt.Errorf("%s left %d times", v.UnionID, len(d.left[v]))
			}
		}
		return nil
	})
}

// whyLeft waits likewise, and returns why the last one did.
func (d *door) whyLeft(t *testing.T, n int) error {
	t.Helper()
	d.wantLeft(t, n)
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.left[d.admitted[n-1]][0]
}
