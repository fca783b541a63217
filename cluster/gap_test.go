package cluster

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hazelcast/hazelcast-go-client"
)

// missing puts messages into the ring while the node stands still, as one does whose process or machine hangs.
func missing(t *testing.T, n *node, keys []string) {
	t.Helper()
	h := n.Cluster.(*Hazelcast)
	l := h.link.Load()
	h.messages.mu.Lock()
	defer h.messages.mu.Unlock()
	for some := range slices.Chunk(keys, 50) { // small enough for one request
		var entries []any
		for _, key := range some {
			entries = append(entries, append([]byte(newFrame().str(key)), "data of "+key...))
		}
		if _, err := l.ring.AddAll(t.Context(), hazelcast.OverflowPolicyOverwrite, entries...); err != nil {
			t.Fatal(err)
		}
	}
}

func numbered(name string, n int) (keys []string) {
	for i := range n {
		keys = append(keys, fmt.Sprintf("%s-%d", name, i))
	}
	return keys
}

// testGap has a node miss messages that are kept: it gets them all, in order, and nobody is told of a loss.
func testGap(t *testing.T, n *node) {
	mustAppend(t, n, t.Name()+"-before")
	before := len(n.log.list())
	restarts := n.log.begun()
	keys := numbered(t.Name(), contractKeeps/2)
	n.miss(keys...)
	keys = append(keys, t.Name()+"-after")
	p := mustAppend(t, n, keys[len(keys)-1])
	if got := n.log.list()[before:]; !slices.Equal(got, keys) { // Append waits for what is before it
		t.Errorf("after a gap the log has %d messages, want %d, or in another order", len(got), len(keys))
	}
	if again := n.log.begun(); again != restarts || p.Epoch != n.Epoch() {
		t.Errorf("the log began %d times more, though nothing was lost", again-restarts)
	}
}

// testGapForGood has a node miss more than is kept: whoever stands before the gap is told, by a restart of the same log after
// it. A log that cannot be missed has no gap.
func testGapForGood(t *testing.T, n *node) {
	p := mustAppend(t, n, t.Name()+"-before")
	restarts := n.log.begun()
	n.miss(numbered(t.Name(), contractKeeps+100)...)
	eventually(t, 10*time.Second, func() error {
		n.log.mu.Lock()
		defer n.log.mu.Unlock()
		again := n.log.restarts - restarts
		gap := again == 1 && n.log.after >= p.Seq+100 && n.log.last-n.log.after <= contractKeeps
		whole := again == 0 && n.log.after < p.Seq
		if n.log.last != p.Seq+contractKeeps+100 || n.log.epoch != p.Epoch && n.log.epoch != "" || !gap && !whole {
			return fmt.Errorf("%d is followed by %d to %d after %d restarts, in epoch %q after %q",
				p.Seq, n.log.after, n.log.last, again, n.log.epoch, p.Epoch)
		}
		return nil
	})
	if p := mustAppend(t, n, t.Name()+"-after"); p.Epoch != n.Epoch() {
		t.Errorf("Append = %+v in epoch %s", p, n.Epoch())
	}
}
