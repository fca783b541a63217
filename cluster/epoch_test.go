package cluster

import (
	"fmt"
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/cluster/member"
)

// TestForeignEpoch gives two nodes the log of the other half of a split, which began under another epoch while they went on. If that half
// lacked messages that they have taken, it is told as well, by one more epoch; if it had them all, once was enough.
func TestForeignEpoch(t *testing.T) {
	t.Parallel()
	m := startMember(t, member.Options{})
	nodes := startNodes(t, 2, optionsFor(t, m))
	a, b := nodes[0], nodes[1]
	h := a.Cluster.(*Hazelcast)
	for i, tt := range []struct {
		name    string
		had     func(last logItem) (seq int64, mark uint64) // by whoever named the epoch
		renewed bool
	}{
		{"less", func(last logItem) (int64, uint64) { return last.seq - 5, 1 }, true},
		{"others", func(last logItem) (int64, uint64) { return last.seq, last.mark + 1 }, true},
		{"the same", func(last logItem) (int64, uint64) { return last.seq, last.mark }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var p Position
			for k := range 10 {
				p = mustAppend(t, a, fmt.Sprintf("%d-%d", i, k))
			}
			sameLogs(t, 5*time.Second, a, b)
			items, err := h.messages.read(t.Context(), p.Seq)
			if err != nil || len(items) != 1 {
				t.Fatalf("read(%d) = %v, %v", p.Seq, items, err)
			}
			seq, mark := tt.had(items[0])
			foreign := NewEpoch()
			become(t, nodes, fmt.Sprintf("%s/%d/%x", foreign, seq, mark))
			eventually(t, 10*time.Second, func() error {
				if a.Epoch() == p.Epoch || a.Epoch() != b.Epoch() || (a.Epoch() == foreign) == tt.renewed {
					return fmt.Errorf("epochs %s and %s, of the other half %s", a.Epoch(), b.Epoch(), foreign)
				}
				return nil
			})
			if p := mustAppend(t, a, tt.name); p.Epoch != b.Epoch() {
				t.Errorf("Append = %+v in epoch %s", p, b.Epoch())
			}
			sameLogs(t, 5*time.Second, a, b)
		})
	}
}

// become takes the log of the nodes away and names the next one, both in a moment when no node looks.
func become(t *testing.T, nodes []*node, birth string) {
	t.Helper()
	for _, n := range nodes {
		h := n.Cluster.(*Hazelcast)
		h.messages.mu.Lock()
		defer h.messages.mu.Unlock()
	}
	pause(t.Context(), 300*time.Millisecond) // for looks that are under way
	l := nodes[0].Cluster.(*Hazelcast).link.Load()
	ring, err := l.bulk.GetRingbuffer(t.Context(), "messages") // another each time: one that was destroyed does nothing
	if err != nil {
		t.Fatal(err)
	}
	if err := l.log.Set(t.Context(), epochKey, birth); err != nil {
		t.Fatal(err)
	}
	if err := ring.Destroy(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestBirth(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want birth
	}{
		{"abc/12/ff", birth{"abc/12/ff", "abc", 12, 255}},
		{"abc", birth{"abc", "abc", 0, 0}},
		{"abc/x", birth{"abc/x", "abc", 0, 0}},
		{"", birth{}},
	} {
		if got := parseBirth(tt.in); got != tt.want {
			t.Errorf("parseBirth(%q) = %+v, want %+v", tt.in, got, tt.want)
		}
	}
}
