package cluster

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/pulsewall/pulsewall/cluster/member"
)

// testAlerts swaps values: only who knows what is there can, and of many who do one.
func testAlerts(t *testing.T, n *node) {
	ctx, key := t.Context(), t.Name()
	for _, tt := range []struct{ old, next, want string }{
		{"x", "a", ""}, {"", "a", "a"}, {"", "b", "a"}, {"x", "b", "a"}, {"a", "b", "b"}, {"x", "", "b"}, {"b", "", ""}, {"b", "", ""}, {"", "c", "c"},
	} {
		now, err := n.SwapAlert(ctx, key, bytesOf(tt.old), bytesOf(tt.next))
		if err != nil || string(now) != tt.want || (now == nil) != (tt.want == "") {
			t.Errorf("SwapAlert(%q, %q) = %q, %v; want %q", tt.old, tt.next, now, err, tt.want)
		}
	}
	all, err := n.Alerts(ctx)
	if err != nil || string(all[key]) != "c" {
		t.Errorf("Alerts = %q, %v; want c", all[key], err)
	}
	var won atomic.Int32
	var racing sync.WaitGroup
	for i := range 8 {
		racing.Go(func() {
			next := fmt.Sprint("of ", i)
			if now, err := n.SwapAlert(ctx, key, []byte("c"), []byte(next)); err != nil {
				t.Error(err)
			} else if string(now) == next {
				won.Add(1)
			}
		})
	}
	racing.Wait()
	if won.Load() != 1 {
		t.Errorf("%d of 8 swapped the same value; want 1", won.Load())
	}
}

// TestAlertsOfTwo has what one node puts there found by another, which is alone before it has joined.
func TestAlertsOfTwo(t *testing.T) {
	t.Parallel()
	m := startMember(t, member.Options{})
	o := optionsFor(t, m)
	nodes := startNodes(t, 2, o)
	if now, err := nodes[0].SwapAlert(t.Context(), "k", nil, []byte("v")); err != nil || string(now) != "v" {
		t.Fatalf("SwapAlert = %q, %v", now, err)
	}
	if all, err := nodes[1].Alerts(t.Context()); err != nil || string(all["k"]) != "v" {
		t.Errorf("Alerts of the other = %q, %v; want v", all["k"], err)
	}
	alone := NewHazelcast("node-9", newRecorder(), o)
	if _, err := alone.Alerts(t.Context()); !errors.Is(err, ErrAlone) {
		t.Errorf("Alerts of a node that is alone: %v; want ErrAlone", err)
	}
	if _, err := alone.SwapAlert(t.Context(), "k", nil, []byte("w")); !errors.Is(err, ErrAlone) {
		t.Errorf("SwapAlert of a node that is alone: %v; want ErrAlone", err)
	}
}

func bytesOf(s string) []byte {
	if s == "" {
		return nil
	}
	return []byte(s)
}
