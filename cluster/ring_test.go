package cluster

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/cluster/member"
)

// TestRingLost takes the ring away under the nodes, as the end of a split does to one half.
func TestRingLost(t *testing.T) {
	t.Parallel()
	m := startMember(t, member.Options{})
	nodes := startNodes(t, 2, optionsFor(t, m))
	a, b := nodes[0], nodes[1]
	for i := range 10 {
		mustAppend(t, a, fmt.Sprintf("before-%d", i))
	}
	sameLogs(t, 5*time.Second, a, b)
	epoch := a.Epoch()
	if err := a.Cluster.(*Hazelcast).link.Load().ring.Destroy(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i := range 12 { // more than there were: the end of the ring alone tells nothing
		mustAppend(t, b, fmt.Sprintf("after-%d", i))
	}
	sameLogs(t, 5*time.Second, a, b)
	for _, n := range nodes {
		eventually(t, 5*time.Second, func() error {
			if got := n.log.list(); n.Epoch() == epoch || len(got) != 12 || !strings.HasPrefix(got[0], "after") {
				return fmt.Errorf("%s has %q in epoch %s after %s", n.Node(), got, n.Epoch(), epoch)
			}
			return nil
		})
	}
}

// TestOverrun lets a ring of 20 items run over while a node cannot look.
func TestOverrun(t *testing.T) {
	t.Parallel()
	m := startMember(t, member.Options{Config: []byte("hazelcast: { ringbuffer: { messages: { capacity: 20 } } }")})
	o := optionsFor(t, m)
	a, b := startNode(t, "a", o), startNode(t, "b", o)
	joined(t, 20*time.Second, a, b)
	mustAppend(t, a, "first")
	sameLogs(t, 5*time.Second, a, b)
	h := b.Cluster.(*Hazelcast)
	h.messages.mu.Lock() // b stands still
	for i := range 50 {
		mustAppend(t, a, fmt.Sprintf("m-%d", i))
	}
	h.messages.mu.Unlock()
	eventually(t, 10*time.Second, func() error {
		b.log.mu.Lock()
		defer b.log.mu.Unlock()
		if b.log.last != 51 || b.log.restarts != 2 || b.log.epoch != a.Epoch() || b.log.after != 31 {
			return fmt.Errorf("b is at %d of %s after %d restarts, keeps those after %d",
				b.log.last, b.log.epoch, b.log.restarts, b.log.after)
		}
		return nil
	})
}

// TestDeaf takes the connection away that waits at the end of the ring: everything comes by looking, only later.
func TestDeaf(t *testing.T) {
	m := startMember(t, member.Options{})
	nodes := startNodes(t, 2, optionsFor(t, m))
	a, b := nodes[0], nodes[1]
	mustAppend(t, a, "before")
	for _, n := range nodes {
		if err := n.Cluster.(*Hazelcast).link.Load().ear.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 5 {
		mustAppend(t, a, fmt.Sprintf("after-%d", i))
	}
	sameLogs(t, lookEvery+time.Second, a, b)
	if got := b.log.list(); len(got) != 6 {
		t.Errorf("b has %q", got)
	}
}
