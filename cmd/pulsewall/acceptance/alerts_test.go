package acceptance

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/alerts"
	"github.com/pulsewall/pulsewall/cluster/member"
)

// TestAlertThatFlaps has three nodes, of which two are killed one after the other: the one that polls, when it has just read what is an
// alert, and the one that tells of it, in the middle of telling. Every change comes to the room and to the notifier, and none twice.
func TestAlertThatFlaps(t *testing.T) {
	t.Parallel()
	b := newBoiler(t)
	f := newFleet(t, 1, nil, 3, nodeSettings{Interval: time.Second, Boiler: b.server.URL})
	r := &reaper{fleet: f, boiler: b, left: slices.Clone(f.nodes)}
	flap := func(n int) {
		for range n {
			for _, heat := range []float64{95, 20} {
				want := len(changesOf(b.calls())) + 1
				b.set(func(b *boiler) { b.heat = heat })
				eventually(t, 40*time.Second, func() error { return b.hasTold(want) })
			}
		}
	}
	flap(1)
	b.set(func(b *boiler) { b.onRow = r.kill })
	flap(1)
	r.await(t, 2)
	b.set(func(b *boiler) { b.onTop = r.kill })
	flap(2)
	left := r.await(t, 1)
	want := slices.Repeat([]string{"raised", "cleared"}, 4)
	eventually(t, 40*time.Second, func() error {
		if got := roomChanges(t, &left[0].site); !slices.Equal(got, want) {
			return fmt.Errorf("the room has %q; want %q", got, want)
		}
		return nil
	})
	if got := changesOf(b.calls()); !slices.Equal(got, want) {
		t.Errorf("the notifier was told %q; want %q", got, want)
	}
	var all struct{ Alerts []alerts.Alert }
	readJSON(t, left[0].URL+"/api/alerts?state=all", &all)
	if len(all.Alerts) != 1 || all.Alerts[0].Cleared.IsZero() {
		t.Errorf("alerts: %+v; want one, cleared", all.Alerts)
	}
	t.Logf("calls of the notifier: %d, of %d changes", len(b.calls()), len(want))
}

// reaper kills nodes of a fleet, one each time that it is asked to.
type reaper struct {
	*fleet
	*boiler

	mu   sync.Mutex
	left []*process // guarded by mu
}

// kill ends a node in the middle of what it does. It is asked once.
func (r *reaper) kill(name string) {
	r.boiler.set(func(b *boiler) { b.onRow, b.onTop = nil, nil })
	r.mu.Lock()
	defer r.mu.Unlock()
	if i := slices.Index(r.left, r.node(name)); i >= 0 {
		r.left[i].kill()
		r.left = slices.Delete(r.left, i, i+1)
	}
}

// await returns those that are left when there are so many.
func (r *reaper) await(t *testing.T, want int) (left []*process) {
	t.Helper()
	eventually(t, 40*time.Second, func() error {
		r.mu.Lock()
		defer r.mu.Unlock()
		if left = slices.Clone(r.left); len(left) != want {
			return fmt.Errorf("%d nodes are left; want %d", len(left), want)
		}
		return nil
	})
	return left
}

// node returns the process of a node.
func (f *fleet) node(name string) *process {
	var i int
	_, _ = fmt.Sscanf(name, "node-%d", &i)
	return f.nodes[i-1]
}

// hasTold says whether fewer changes were told, each counted once.
func (b *boiler) hasTold(want int) error {
	if got := changesOf(b.calls()); len(got) < want {
		return fmt.Errorf("told %q; want %d changes", got, want)
	}
	return nil
}

// changesOf are the changes that were told, each ID once.
func changesOf(calls []boilerCall) (list []string) {
	seen := make(map[string]bool)
	for _, c := range calls {
		if !seen[c.event.ID] {
			seen[c.event.ID] = true
			list = append(list, string(c.event.Change))
		}
	}
	return list
}

// roomChanges are the changes that the room was told, in its order, repeats included.
func roomChanges(t *testing.T, s *site) (list []string) {
	t.Helper()
	var kept struct {
		Messages []struct {
			Data struct{ Text, Change string }
		}
	}
	readJSON(t, s.URL+"/api/messages?room=alerts&after=earliest&limit=1000", &kept)
	for _, m := range kept.Messages {
		if !strings.HasPrefix(m.Data.Text, "boiler north:") {
			t.Errorf("message %+v; want one of the boiler", m)
		}
		list = append(list, m.Data.Change)
	}
	return list
}

// readJSON reads what is at an address.
func readJSON(t *testing.T, address string, v any) {
	t.Helper()
	resp, body := get(t, address)
	if err := json.Unmarshal([]byte(body), v); err != nil {
		t.Fatalf("%s: %s, %q: %v", address, resp.Status, body, err)
	}
}

// TestAlertOutlivesTheMembers kills the only member while there is an alert, and starts another in its place, which knows nothing: the nodes
// do. Nothing is raised again, and its end is told once.
func TestAlertOutlivesTheMembers(t *testing.T) {
	t.Parallel()
	b := newBoiler(t)
	f := newFleet(t, 1, nil, 2, nodeSettings{Interval: time.Second, Boiler: b.server.URL})
	b.set(func(b *boiler) { b.heat = 95 })
	eventually(t, 40*time.Second, func() error { return b.hasTold(1) })
	for _, n := range f.nodes {
		eventually(t, 40*time.Second, func() error { return raisedAt(t, &n.site, 1) })
	}
	port := f.members[0].Port()
	f.members[0].Kill()
	for _, n := range f.nodes {
		eventually(t, 40*time.Second, func() error {
			if !presenceOf(t, &n.site).Degraded {
				return errors.New("not alone yet")
			}
			return nil
		})
	}
	m, err := member.Start(t.Context(), member.Options{Port: port})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	together(t, f.sites())
	b.set(func(b *boiler) { b.heat = 20 })
	eventually(t, 60*time.Second, func() error { return b.hasTold(2) })
	for _, n := range f.nodes {
		eventually(t, 40*time.Second, func() error { return raisedAt(t, &n.site, 0) })
	}
	if got := changesOf(b.calls()); !slices.Equal(got, []string{"raised", "cleared"}) {
		t.Errorf("the notifier was told %q; want raised and cleared", got)
	}
}

// raisedAt says whether a node knows of another number of alerts that are raised.
func raisedAt(t *testing.T, s *site, want int) error {
	t.Helper()
	var now struct{ Alerts []alerts.Alert }
	readJSON(t, s.URL+"/api/alerts", &now)
	if len(now.Alerts) != want {
		return fmt.Errorf("%s has %+v; want %d alerts", s.URL, now.Alerts, want)
	}
	return nil
}
