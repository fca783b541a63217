package acceptance

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/alerts"
)

// TestAlertThatFlaps has three nodes, of which two are killed one after the other: the one that polls, when it has just read what is an
// alert, and the one that tells of it, in the middle of telling. Every change comes to the room and to the notifier, and none twice.
func TestAlertThatFlaps(t *testing.T) {
	t.Parallel()
	b := newBoiler(t)
	f := newFleet(t, 1, nil, 3, nodeSettings{Interval: time.Second, Boiler: b.server.URL})
	left := slices.Clone(f.nodes)
	var dying sync.Once
	kill := func(name string) {
		dying.Do(func() {
			i := slices.IndexFunc(left, func(p *process) bool { return p == f.node(name) })
			left[i].kill()
			left = slices.Delete(left, i, i+1)
			b.set(func(b *boiler) { b.onRow, b.onTop = nil, nil })
		})
	}
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
	b.set(func(b *boiler) { b.onRow = kill })
	flap(1)
	if len(left) != 2 {
		t.Fatalf("%d nodes are left; want that the one that polled was killed", len(left))
	}
	dying = sync.Once{}
	b.set(func(b *boiler) { b.onTop = kill })
	flap(2)
	if len(left) != 1 {
		t.Fatalf("%d nodes are left; want that the one that told was killed", len(left))
	}
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
	get(t, left[0].URL+"/api/alerts?state=all", &all)
	if len(all.Alerts) != 1 || all.Alerts[0].Cleared.IsZero() {
		t.Errorf("alerts: %+v; want one, cleared", all.Alerts)
	}
	t.Logf("calls of the notifier: %d, of %d changes", len(b.calls()), len(want))
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
	get(t, s.URL+"/api/messages?room=alerts&after=earliest&limit=1000", &kept)
	for _, m := range kept.Messages {
		if !strings.HasPrefix(m.Data.Text, "boiler north:") {
			t.Errorf("message %+v; want one of the boiler", m)
		}
		list = append(list, m.Data.Change)
	}
	return list
}

// get reads what is at an address.
func get(t *testing.T, address string, v any) {
	t.Helper()
	resp, err := clients.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(v); err != nil {
		t.Fatalf("%s: %s, %v", address, resp.Status, err)
	}
}
