package cluster

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/cluster/member"
)

// TestTogether is what several nodes do over one member with its own defaults; one node's clock is 15 s ahead.
func TestTogether(t *testing.T) {
	t.Parallel()
	m := startMember(t, member.Options{})
	o := optionsFor(t, m)
	ahead := o
	ahead.Now = func() time.Time { return time.Now().Add(15 * time.Second) }
	var says atomic.Value
	says.Store("I am b")
	ahead.Status = func() []byte { return []byte(says.Load().(string)) }
	a, b := startNode(t, "a", o), startNode(t, "b", ahead)
	joined(t, 20*time.Second, a, b)
	for _, c := range []struct {
		name string
		test func(t *testing.T, a, b *node)
	}{
		{"one order", testOneOrder},
		{"reached", testReachedLater},
		{"status", testStatus},
		{"changes", testChanges},
		{"claims", testOneClaims},
		{"readings", testReadings},
		{"readings in a stream", testManyReadings},
		{"presence", testPresence},
		{"many rooms", testManyRooms},
		{"pollers", testHoppingPoller},
		{"pollers and a reconnect", testPollerRelinked},
		{"a stream that asks elsewhere", testAskingStream},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, a, b) })
	}
	t.Run("announced", func(t *testing.T) {
		best := time.Hour
		for i := range 5 {
			says.Store(fmt.Sprint("I am b, ", i))
			began := time.Now()
			b.Announce()
			eventually(t, 10*time.Second, func() error { return sees(a, "b", says.Load().(string)) })
			best = min(best, time.Since(began))
		}
		t.Logf("the soonest took %v", best)
		if judged() && best > time.Second {
			t.Errorf("the soonest took %v; want a moment", best)
		}
	})
	t.Run("late", func(t *testing.T) { testLate(t, a, o) })
	t.Run("goodbye", func(t *testing.T) { testGoodbye(t, a, b) })
}

func testOneOrder(t *testing.T, a, b *node) {
	var senders sync.WaitGroup
	for _, n := range []*node{a, b} {
		for s := range 3 {
			senders.Go(func() {
				for i := range 50 {
					mustAppend(t, n, fmt.Sprintf("%s-%d-%d", n.Node(), s, i))
				}
			})
		}
	}
	senders.Wait()
	sameLogs(t, 5*time.Second, a, b)
}

// sameLogs waits until all nodes have the same log.
func sameLogs(t *testing.T, within time.Duration, list ...*node) {
	t.Helper()
	eventually(t, within, func() error {
		want := list[0].log.list()
		for _, n := range list[1:] {
			if got := n.log.list(); !slices.Equal(got, want) {
				return fmt.Errorf("%s has %d messages, %s %d, or in another order", n.Node(), len(got), list[0].Node(), len(want))
			}
		}
		return nil
	})
}

func testReachedLater(t *testing.T, a, b *node) {
	for i := range 20 {
		p := mustAppend(t, a, fmt.Sprintf("reached-%d", i))
		if !b.Reached(t.Context(), p.Epoch, p.Seq) {
			t.Errorf("b has not reached %v", p)
		}
	}
}

func testStatus(t *testing.T, a, b *node) {
	eventually(t, 5*time.Second, func() error { return sees(a, "b", "I am b") })
}

// sees says whether a node has heard of another that it says something of itself.
func sees(a *node, name, status string) error {
	for _, n := range a.Nodes() {
		if n.Name == name && string(n.Status) == status && !n.Self && time.Since(n.Seen) < 4*time.Second {
			return nil
		}
	}
	return fmt.Errorf("%s sees %+v", a.Node(), a.Nodes())
}

func testOneClaims(t *testing.T, a, b *node) {
	for i := range 50 {
		var won atomic.Int32
		var racers sync.WaitGroup
		for _, n := range []*node{a, b} {
			racers.Go(func() {
				if ok, err := n.Claim(t.Context(), ClaimName("processes/-/1/10", int64(i), 0), time.Minute); err != nil {
					t.Error(err)
				} else if ok {
					won.Add(1)
				}
			})
		}
		racers.Wait()
		if won.Load() != 1 {
			t.Fatalf("claim %d was won by %d nodes", i, won.Load())
		}
	}
}

func testReadings(t *testing.T, a, b *node) {
	noise := make([]byte, 100_000)
	_, _ = rand.Read(noise)
	for _, tt := range []struct {
		sub  string
		data []byte
	}{
		{"small", []byte("42 degrees")},
		{"deflates", bytes.Repeat([]byte("a page of records "), 5000)},
		{"noise", noise},
	} {
		_, _, _ = a.Want(t.Context(), tt.sub)
		if err := b.Publish(t.Context(), tt.sub, 5, 0, func() []byte { return tt.data }); err != nil {
			t.Fatalf("Publish(%s) = %v", tt.sub, err)
		}
		check := func(how string, r Reading) {
			late := r.Shift + 15*time.Second
			if r.Version != 5 || !bytes.Equal(r.Data, tt.data) || r.From != "b" || late < 0 || late > 10*time.Second {
				t.Errorf("%s of %s: version %d, %d bytes from %q, shift %v", how, tt.sub, r.Version, len(r.Data), r.From, r.Shift)
			}
		}
		eventually(t, 5*time.Second, func() error {
			if a.log.reading(tt.sub).Version != 5 {
				return fmt.Errorf("no reading of %s came", tt.sub)
			}
			return nil
		})
		check("reading", a.log.reading(tt.sub))
		if err := b.Publish(t.Context(), tt.sub, 4, 0, func() []byte { return []byte("old") }); err != nil {
			t.Error(err)
		}
		newest, ok, err := a.Want(t.Context(), tt.sub)
		if !ok || err != nil {
			t.Errorf("Want(%s) found nothing, %v", tt.sub, err)
		}
		check("newest", newest)
	}
}

func testManyReadings(t *testing.T, a, b *node) {
	const subs, versions = 40, 10
	sub := func(i int) string { return fmt.Sprintf("many/%d", i) }
	for i := range subs {
		_, _, _ = a.Want(t.Context(), sub(i))
	}
	for v := range versions {
		for i := range subs {
			if err := b.Publish(t.Context(), sub(i), int64(v+1), time.Minute, func() []byte { return []byte("x") }); err != nil {
				t.Fatal(err)
			}
		}
	}
	eventually(t, 5*time.Second, func() error {
		for i := range subs {
			if got := a.log.reading(sub(i)).Version; got != versions {
				return fmt.Errorf("%s is at version %d", sub(i), got)
			}
		}
		return nil
	})
	for i := range subs {
		a.Unwant(sub(i))
	}
}

func testPresence(t *testing.T, a, b *node) {
	for i := range 200 {
		b.Enter(Entry{User: fmt.Sprint(i), Streams: map[string]int{"ws": 1}, Rooms: map[string]int{"r": 1}})
	}
	a.Enter(Entry{User: "7", Streams: map[string]int{"sse": 2}})
	for i := 100; i < 200; i++ {
		b.Enter(Entry{User: fmt.Sprint(i)})
	}
	if got := a.Online(t.Context(), []string{"7", "500"}); !slices.Equal(got, []string{"7"}) {
		t.Errorf("Online = %q", got)
	}
	for _, n := range []*node{a, b} {
		eventually(t, 8*time.Second, func() error {
			r := n.Roster()
			u := r.Users["7"]
			if len(r.Users) != 100 || r.Connections != 102 || r.Nodes["a"]["sse"] != 2 || r.Nodes["b"]["ws"] != 100 || r.Transports["sse"] != 2 ||
				len(r.Rooms["r"].Users) != 100 || u == nil || u.Connections != 3 || !slices.Equal(u.Nodes, []string{"a", "b"}) {
				return fmt.Errorf("%s counts %d users, %d connections, %v", n.Node(), len(r.Users), r.Connections, r.Nodes)
			}
			return nil
		})
	}
	b.Enter(Entry{User: "1000", Streams: map[string]int{"ws": 1}})
	eventually(t, time.Second, func() error { // known before any roster is read again
		if got := a.Online(t.Context(), []string{"1000"}); len(got) != 1 {
			return fmt.Errorf("1000 is not found")
		}
		return nil
	})
	b.Enter(Entry{User: "1000"})
}

// testAskingStream has a session with a stream on one node ask another whether it is fresh: it is no poller there.
func testAskingStream(t *testing.T, a, b *node) {
	before := a.Roster().Connections
	a.log.mu.Lock()
	a.log.streaming = "tab"
	a.log.mu.Unlock()
	a.Enter(Entry{User: "12", Streams: map[string]int{"sse": 1}})
	b.Poll("tab", Entry{User: "12", Streams: map[string]int{"poll": 1}}, 30*time.Second)
	for _, n := range []*node{a, b} {
		eventually(t, 5*time.Second, func() error {
			if r := n.Roster(); r.Connections != before+1 || r.Users["12"] == nil || r.Users["12"].Transports["sse"] != 1 {
				return fmt.Errorf("%s counts %d connections; want %d", n.Node(), r.Connections, before+1)
			}
			return nil
		})
	}
	a.Enter(Entry{User: "12"})
}

// testLate starts a node when there is a log, presence and readings already.
func testLate(t *testing.T, a *node, o Options) {
	c := startNode(t, "c", o)
	defer c.stop()
	eventually(t, 10*time.Second, func() error {
		if c.State().Degraded {
			return fmt.Errorf("c has not joined")
		}
		return nil
	})
	sameLogs(t, 5*time.Second, a, c)
	c.log.mu.Lock()
	restarts := c.log.restarts
	c.log.mu.Unlock()
	if restarts != 1 || c.Epoch() != a.Epoch() {
		t.Errorf("c began %d times, epoch %s; want once with %s", restarts, c.Epoch(), a.Epoch())
	}
	if r, ok, _ := c.Want(t.Context(), "small"); !ok || r.Version != 5 {
		t.Errorf("Want = %+v, %v; want version 5", r, ok)
	}
	eventually(t, 5*time.Second, func() error {
		if got := c.Roster().Connections; got != a.Roster().Connections {
			return fmt.Errorf("c counts %d connections", got)
		}
		return nil
	})
}

func testGoodbye(t *testing.T, a, b *node) {
	b.stop()
	eventually(t, 3*time.Second, func() error {
		if got := a.Roster(); !slices.Equal(living(a), []string{"a"}) || len(got.Nodes["b"]) != 0 || got.Connections != 2 {
			return fmt.Errorf("a sees %v and counts %v", living(a), got.Nodes)
		}
		return nil
	})
}
