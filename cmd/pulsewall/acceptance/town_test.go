package acceptance

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// town is many residents over several nodes.
type town struct {
	t         *testing.T
	sites     []*site
	residents []*resident
	lossy     bool // a reset is as it should be
	guests    bool // others are there as well, with shorter unionIds and in other rooms
	all       sync.WaitGroup

	mu     sync.Mutex
	closed []bool               // guarded by mu: nobody goes to these nodes
	gate   chan struct{}        // guarded by mu: who was cut off waits until it is closed; nil: nobody waits
	leave  map[*resident]func() // guarded by mu: how to cut off each
}

// townRooms are the rooms that residents may be in.
var townRooms = []string{"lobby", "hall-0", "hall-1", "hall-2", "hall-3", "hall-4", "hall-5", "hall-6"}

// newTown opens residents on all nodes: nine in twenty by WebSocket, as many by SSE, the others poll whichever node; most users have
// two connections on different nodes.
func newTown(t *testing.T, sites []*site, n int) *town {
	t.Helper()
	w := &town{t: t, sites: sites, closed: make([]bool, len(sites)), leave: make(map[*resident]func())}
	ctx, stop := context.WithCancel(context.Background())
	t.Cleanup(func() {
		stop()
		w.all.Wait()
	})
	for i := range n {
		r := &resident{town: w, at: i % len(sites), transport: "websocket", user: fmt.Sprint(10_000 + i%(n/2+1)), watches: i%15 == 1}
		switch kind := i % 20; {
		case kind >= 18:
			r.transport, r.user = "poll", fmt.Sprint(1_000_000+i)
		case kind >= 9:
			r.transport = "sse"
		}
		if i%10 == 0 {
			r.user = ""
		}
		if i%4 == 0 {
			r.rooms = append(r.rooms, fmt.Sprint("hall-", i%7))
		}
		if i%12 == 0 {
			r.rooms = append(r.rooms, "lobby")
		}
		w.residents = append(w.residents, r)
	}
	arriving := make(chan struct{}, 200)
	for _, r := range w.residents {
		arriving <- struct{}{}
		w.all.Go(func() {
			time.AfterFunc(20*time.Millisecond, func() { <-arriving })
			r.live(ctx)
		})
	}
	return w
}

// open is a node to go to, another than from.
func (w *town) open(from int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	for {
		at := rand.IntN(len(w.sites))
		if !w.closed[at] && at != from {
			return at
		}
	}
}

// wait holds a stream that was cut off, if they are held now.
func (w *town) wait(ctx context.Context, r *resident) {
	w.mu.Lock()
	gate := w.gate
	w.mu.Unlock()
	if gate == nil || r.transport == "poll" {
		return
	}
	select {
	case <-gate:
	case <-ctx.Done():
	}
}

// onLeave notes how a resident is cut off.
func (w *town) onLeave(r *resident, leave func()) (stop func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.leave[r] = leave
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.leave, r)
	}
}

// lock has nobody go to a node and, if hold, those who are cut off wait until release.
func (w *town) lock(node int, hold bool) (release func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed[node] = true
	if !hold {
		return func() {}
	}
	gate := make(chan struct{})
	w.gate = gate
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.gate = nil
		close(gate)
	}
}

// unlock lets residents go to a node again, and sends some there.
func (w *town) unlock(node, some int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed[node] = false
	for _, leave := range w.leave {
		if some--; some < 0 {
			return
		}
		leave()
	}
}

// settled is what every living node has to say, as soon as all who are not held are somewhere.
func (w *town) settled(held bool) (c *count, err error) {
	c = newCount()
	for _, r := range w.residents {
		at, here := r.where()
		r.mu.Lock()
		problem := r.problem
		r.mu.Unlock()
		switch {
		case problem != nil:
			w.t.Fatalf("resident %s by %s: %v", r.user, r.transport, problem)
		case here:
			c.add(r, w.names()[at])
		case !held || r.transport == "poll":
			err = errors.New("not all residents are there")
		}
	}
	return c, err
}

func (w *town) names() (names []string) {
	for i := range w.sites {
		names = append(names, fmt.Sprint("node-", i+1))
	}
	return names
}

// sample checks twice a second until all is well, within at most limit, and returns how long that took.
func (w *town) sample(limit time.Duration, check func() error) time.Duration {
	w.t.Helper()
	limit = unhurried(limit)
	for began := time.Now(); ; pass(w.t, 500*time.Millisecond) {
		err := check()
		switch took := time.Since(began).Round(10 * time.Millisecond); {
		case took > limit:
			w.t.Fatalf("not within %v: %v", limit, err)
		case err == nil:
			return took
		}
	}
}

// right waits until each of the nodes tells the truth, and returns how long that took.
func (w *town) right(limit time.Duration, held bool, nodes ...int) time.Duration {
	w.t.Helper()
	var among []string
	for _, i := range nodes {
		among = append(among, w.names()[i])
	}
	return w.sample(limit, func() error {
		truth, err := w.settled(held)
		if err != nil {
			return err
		}
		for _, i := range nodes {
			said, err := countOf(w.t, w.sites[i])
			if err == nil {
				err = said.compare(truth, among, w.guests)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", w.names()[i], err)
			}
		}
		return nil
	})
}

// told waits until each resident who watches presence on one of the nodes was told the truth.
func (w *town) told(limit time.Duration, nodes ...int) time.Duration {
	w.t.Helper()
	return w.sample(limit, func() error {
		truth, _ := w.settled(true)
		for _, r := range w.residents {
			at, here := r.where()
			if !r.watches || r.transport == "poll" || !here {
				continue
			}
			n, ok := r.newest()
			if !ok || !slices.Contains(nodes, at) || n.now.Users != len(truth.users) || n.now.Connections != truth.connections || len(n.now.Nodes) != len(nodes) {
				return fmt.Errorf("resident %s on %s was told %+v; want %d users, %d connections", r.user, w.names()[at], n.now, len(truth.users), truth.connections)
			}
		}
		return nil
	})
}

// TestTown has residents over three nodes, of which one is killed: within 12 s the others count right, and nobody is listed under the
// dead one; its residents come back to the others; it starts again under its name, and some go there. 600 residents; 3,000 with
// PULSEWALL_LONG. It wants the machine for itself.
func TestTown(t *testing.T) {
	residents := 600
	if os.Getenv("PULSEWALL_LONG") != "" {
		residents = 3000
	}
	config, err := os.ReadFile("../../../deploy/hazelcast.yaml")
	if err != nil {
		t.Fatal(err)
	}
	f := newFleet(t, 2, config, 3)
	w := newTown(t, f.sites(), residents)
	t.Logf("%d residents: counted right after %v, told after %v more", residents, w.right(time.Minute, false, 0, 1, 2), w.told(10*time.Second, 0, 1, 2))

	victim := 1
	release := w.lock(victim, true)
	f.nodes[victim].kill()
	took := w.right(12*time.Second, true, 0, 2)
	t.Logf("a node killed: counted right after %v, told after %v more", took, w.told(7*time.Second, 0, 2))
	release()
	took = w.right(12*time.Second, false, 0, 2)
	t.Logf("its residents back on the others: counted right after %v, told after %v more", took, w.told(7*time.Second, 0, 2))
	f.start("node-2", strings.TrimPrefix(w.sites[victim].URL, "http://"), nodeSettings{})
	took = w.right(15*time.Second, false, 0, 1, 2)
	t.Logf("the node started again: all count right after %v", took)
	w.unlock(victim, residents/3)
	took = w.right(15*time.Second, false, 0, 1, 2)
	t.Logf("a third moved to any node: counted right after %v, told after %v more", took, w.told(7*time.Second, 0, 1, 2))

	w.lock(0, false)
	f.nodes[0].kill()
	took = w.right(30*time.Second, false, 1, 2)
	t.Logf("another node killed, its residents back at once: counted right after %v, told after %v more", took, w.told(7*time.Second, 1, 2))
}
