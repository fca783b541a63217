package feeds

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestLostTableIsPublishedAgain has a table that did not get to the others: without another try they would poll for it
// once more, beside the node that has it.
func TestLostTableIsPublishedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, src := newMesh(t), slowly(time.Second)
		defer m.stop()
		nodes := m.joinAll(3, Feed{Name: "a", Source: src})
		sub := watchAll(nodes, 1, "a")
		for range 5 {
			time.Sleep(10 * time.Second)
			m.polledLast("a").set(func(n *meshNode) { n.loses = 2 })
		}
		time.Sleep(5 * time.Second)
		wantEqual(t, nodes, sub)
		starts := src.starts(nodes[0].t0)
		for k := 1; k < len(starts); k++ {
			if gap := starts[k] - starts[k-1]; gap < 9.9 || gap > 10.1 {
				t.Errorf("polls at %v; want one in 10 s", starts)
			}
		}
		if len(starts) != 6 {
			t.Errorf("%d polls; want 6", len(starts))
		}
	})
}

// TestLostTablesAreLoggedOnce has a feed of which nothing gets to the others, as of tables that are too large.
func TestLostTablesAreLoggedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, src := newMesh(t), slowly(0)
		defer m.stop()
		var log strings.Builder
		n := &meshNode{m: m, name: "node-1", wants: make(map[string]bool), loses: 15}
		n.rig = startRig(t, Options{Node: n.name, Peers: n, Logger: slog.New(slog.NewTextHandler(&log, nil))}, Feed{Name: "a", Source: src})
		m.nodes = append(m.nodes, n)
		n.watch("a")
		time.Sleep(65 * time.Second)
		n.set(func(n *meshNode) { n.loses = 6 })
		time.Sleep(20 * time.Second)
		n.stop()
		if got := strings.Count(log.String(), "do not get to the other nodes"); got != 2 {
			t.Errorf("%d lines for two spells:\n%s", got, log.String())
		}
	})
}

// TestOthersDoNotWaitForThisNode has nodes that are slow at what they do themselves with a reading.
func TestOthersDoNotWaitForThisNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, src := newMesh(t), slowly(0)
		defer m.stop()
		slow := func(string, time.Duration, Status) { time.Sleep(time.Second) }
		for _, name := range []string{"node-1", "node-2"} {
			n := &meshNode{m: m, name: name, wants: make(map[string]bool)}
			n.rig = startRig(t, Options{Node: n.name, Peers: n, Observe: slow}, Feed{Name: "a", Source: src})
			m.nodes = append(m.nodes, n)
		}
		sub := watchAll(m.nodes, 1, "a")
		time.Sleep(500 * time.Millisecond)
		for _, n := range m.nodes {
			if got := len(n.readings(sub)); got != 1 {
				t.Errorf("%s has %d readings of %d polls; want 1 of 1", n.name, got, src.count())
			}
		}
	})
}

// TestPublishingDoesNotHoldUpTheNextPoll has a source that needs all of its time, and a cluster that does not answer.
func TestPublishingDoesNotHoldUpTheNextPoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, src := newMesh(t), slowly(7900*time.Millisecond)
		defer m.stop()
		n := m.join(0, Feed{Name: "a", Source: src})
		sub, _ := n.watch("a")
		n.set(func(n *meshNode) { n.mute = true })
		time.Sleep(60500 * time.Millisecond)
		if src.count() != 7 {
			t.Errorf("%d polls; want one in 10 s", src.count())
		}
		for _, r := range n.readings(sub)[1:] { // after that it is loading
			if r.Status != OK {
				t.Errorf("reading %s; want none that says the source is stuck", describe(r, n.t0))
			}
		}
	})
}

// TestHandOver stops the node that polled last, between two polls and in the middle of one: the others go on in the next
// interval.
func TestHandOver(t *testing.T) {
	for _, at := range []time.Duration{38 * time.Second, 32 * time.Second} {
		t.Run(at.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, src := newMesh(t), slowly(5*time.Second)
				defer m.stop()
				nodes := m.joinAll(3, Feed{Name: "a", Source: src})
				sub := watchAll(nodes, 1, "a")
				time.Sleep(at)
				i := slices.Index(nodes, m.polledLast("a"))
				began := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
				nodes[i].HandOver(ctx)
				cancel()
				if took, running := time.Since(began), at < 35*time.Second; running != (took > 2900*time.Millisecond) || took > 3500*time.Millisecond {
					t.Errorf("HandOver took %v", took)
				}
				nodes[i].kill()
				others := slices.Delete(slices.Clone(nodes), i, i+1)
				time.Sleep(70*time.Second - time.Since(nodes[0].t0) - 2*time.Second)
				wantEqual(t, others, sub)
				starts := src.starts(nodes[0].t0)
				for k := 1; k < len(starts); k++ {
					if gap := starts[k] - starts[k-1]; gap < 9.9 || gap > 10.3 {
						t.Errorf("polls at %v; want one in 10 s", starts)
					}
				}
				if shown := len(others[0].readings(sub)) - 1; len(starts) != 7 || shown != 7 { // first it is loading
					t.Errorf("%d polls, %d readings; want 7", len(starts), shown)
				}
			})
		})
	}
}

func TestHandOverCutShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, src := newMesh(t), slowly(7*time.Second)
		defer m.stop()
		n := m.join(0, Feed{Name: "a", Source: src})
		n.watch("a")
		time.Sleep(time.Second)
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
		defer cancel()
		n.HandOver(ctx)
		if took := time.Since(began); took != 4*time.Second {
			t.Errorf("HandOver took %v; want until its context ended", took)
		}
		time.Sleep(20 * time.Second)
		if src.count() != 1 {
			t.Errorf("%d polls; want none more", src.count())
		}
	})
}
