package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"
)

// record is a Log that notes what it is given. It holds only what the contract says of items: their order.
type record struct {
	mu     sync.Mutex
	items  []Item   // guarded by mu
	resets []string // guarded by mu: epochs that the log began anew under
}

func (r *record) Deliver(i Item) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.items = append(r.items, i)
}

func (r *record) Restart(epoch string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.resets = append(r.resets, epoch)
}

func (r *record) all() []Item {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.items)
}

func (r *record) has(want Item) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(r.items, func(i Item) bool {
		return i.Seq == want.Seq && i.Key == want.Key && bytes.Equal(i.Data, want.Data)
	})
}

// member is a node of the cluster under test, with its log.
type member struct {
	Cluster
	*record
}

// An engine is a kind of cluster. Start returns nodes of one cluster that run until the test ends: as many as asked for, or the one
// that this kind can have.
type engine struct {
	name  string
	start func(t *testing.T, nodes ...string) []member
}

// engines are all kinds; every promise of Cluster holds on each.
var engines = []engine{
	{"local", func(t *testing.T, nodes ...string) []member {
		log := &record{}
		m := member{NewLocal(nodes[0], log), log}
		run(t, m)
		return []member{m}
	}},
}

// run keeps a node in the cluster until the test ends.
func run(t *testing.T, m member) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- m.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run of %s = %v; want nil", m.Node(), err)
		}
	})
}

// onEachEngine runs f on nodes of every kind of cluster.
func onEachEngine(t *testing.T, f func(t *testing.T, nodes []member)) {
	t.Helper()
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) { f(t, e.start(t, "a", "b", "c")) })
	}
}

// eventually asks until f has no complaint, for 10 s.
func eventually(t *testing.T, f func() error) {
	t.Helper()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for deadline := time.Now().Add(10 * time.Second); ; <-ticker.C {
		err := f()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

func TestAppendGivesOneOrder(t *testing.T) {
	onEachEngine(t, func(t *testing.T, nodes []member) {
		const writers, each = 20, 50
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				node, last := nodes[w%len(nodes)], int64(0)
				for i := range each {
					text := fmt.Sprintf("%d-%d", w, i)
					seq, degraded, err := node.Append(t.Context(), text, []byte(text))
					if err != nil || degraded || seq <= last {
						t.Errorf("Append(%s) = %d, %v, %v after %d; want a higher place", text, seq, degraded, err, last)
						return
					}
					last = seq
					if !node.has(Item{Seq: seq, Key: text, Data: []byte(text)}) {
						t.Errorf("Append(%s) = %d before the log of its node has it", text, seq)
					}
				}
			})
		}
		wg.Wait()
		for _, node := range nodes {
			eventually(t, func() error {
				if n := len(node.all()); n != writers*each {
					return fmt.Errorf("node %s has %d items; want %d", node.Node(), n, writers*each)
				}
				return nil
			})
			items, firsts := node.all(), nodes[0].all()
			for i, item := range items {
				if i > 0 && item.Seq != items[i-1].Seq+1 {
					t.Fatalf("node %s: %d after %d; want no gap", node.Node(), item.Seq, items[i-1].Seq)
				}
				if first := firsts[i]; item.Seq != first.Seq || item.Key != first.Key {
					t.Fatalf("node %s has %d %s where %s has %d %s", node.Node(), item.Seq, item.Key, nodes[0].Node(), first.Seq, first.Key)
				}
			}
		}
	})
}

// TestAppendRepeatsKey: a repeat takes a place of its own and comes with its key, by which the log knows it.
func TestAppendRepeatsKey(t *testing.T) {
	onEachEngine(t, func(t *testing.T, nodes []member) {
		var places []int64
		for i := range 3 {
			seq, _, err := nodes[i%len(nodes)].Append(t.Context(), "7/k", []byte("x"))
			if err != nil {
				t.Fatal(err)
			}
			places = append(places, seq)
		}
		if places[1] != places[0]+1 || places[2] != places[0]+2 {
			t.Errorf("places %v; want three in a row", places)
		}
		for _, node := range nodes {
			eventually(t, func() error {
				var keys []string
				for _, item := range node.all() {
					keys = append(keys, item.Key)
				}
				if !slices.Equal(keys, []string{"7/k", "7/k", "7/k"}) {
					return fmt.Errorf("node %s has %v; want the key three times", node.Node(), keys)
				}
				return nil
			})
		}
	})
}

func TestEpoch(t *testing.T) {
	onEachEngine(t, func(t *testing.T, nodes []member) {
		epoch := nodes[0].Epoch()
		if epoch == "" || len(epoch) > 64 {
			t.Errorf("Epoch = %q; want a short name", epoch)
		}
		for _, node := range nodes {
			if node.Epoch() != epoch || len(node.resets) > 0 {
				t.Errorf("node %s: epoch %q, resets %v; want %q and none", node.Node(), node.Epoch(), node.resets, epoch)
			}
		}
	})
	for _, e := range engines {
		first, second := e.start(t, "a"), e.start(t, "a")
		if e.name == "local" && first[0].Epoch() == second[0].Epoch() {
			t.Errorf("two logs are both called %q", first[0].Epoch())
		}
	}
}

// TestClaim: of all nodes that claim an attempt at a version at once, exactly one polls; another attempt or version is another claim.
func TestClaim(t *testing.T) {
	onEachEngine(t, func(t *testing.T, nodes []member) {
		for _, claim := range []struct {
			sub     string
			version int64
			attempt int
		}{{"host/-/1/10", 0, 0}, {"host/-/1/10", 0, 1}, {"host/-/1/10", 5, 0}, {"processes/-/1/10", 5, 0}} {
			var mu sync.Mutex
			var wg sync.WaitGroup
			won := 0
			for _, node := range nodes {
				wg.Go(func() {
					ok, err := node.Claim(t.Context(), claim.sub, claim.version, claim.attempt)
					if err != nil {
						t.Errorf("Claim = %v", err)
					}
					mu.Lock()
					defer mu.Unlock()
					if ok {
						won++
					}
				})
			}
			wg.Wait()
			if won != 1 {
				t.Errorf("%+v: %d nodes poll; want one", claim, won)
			}
		}
	})
}

func TestNodes(t *testing.T) {
	onEachEngine(t, func(t *testing.T, nodes []member) {
		var names []string
		for _, node := range nodes {
			names = append(names, node.Node())
		}
		for _, node := range nodes {
			eventually(t, func() error {
				got := slices.Sorted(slices.Values(node.Nodes()))
				if !slices.Equal(got, names) || node.Degraded() {
					return fmt.Errorf("node %s sees %v, degraded %v; want %v", node.Node(), got, node.Degraded(), names)
				}
				return nil
			})
		}
	})
}

// TestPublishNobodyWants: a reading that no other node wants is not encoded.
func TestPublishNobodyWants(t *testing.T) {
	onEachEngine(t, func(t *testing.T, nodes []member) {
		err := nodes[0].Publish(t.Context(), "host/-/1/10", 1, func() []byte {
			t.Error("encoded, though nobody wants it")
			return nil
		})
		if err != nil {
			t.Errorf("Publish = %v; want nil", err)
		}
	})
}

func TestRunEndsWithContext(t *testing.T) {
	l := NewLocal("a", &record{})
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("enough"))
	if err := l.Run(ctx); err != nil {
		t.Errorf("Run = %v; want nil", err)
	}
}
