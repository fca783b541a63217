package cluster

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hazelcast/hazelcast-go-client"

	"github.com/pulsewall/pulsewall/cluster/member"
)

// tuned is the configuration that operators start from.
func tuned(t *testing.T) []byte {
	t.Helper()
	config, err := os.ReadFile("../deploy/hazelcast.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return config
}

// degraded waits until all nodes know that they are alone.
func degraded(t *testing.T, within time.Duration, list ...*node) {
	t.Helper()
	for _, n := range list {
		eventually(t, within, func() error {
			if !n.State().Degraded {
				return fmt.Errorf("%s does not know that it is alone", n.Node())
			}
			return nil
		})
	}
}

// appendAlone appends on a node that is alone and checks that nobody else gets it.
func appendAlone(t *testing.T, n *node, key string) {
	t.Helper()
	p, err := n.Append(t.Context(), key, []byte(key))
	if err != nil || !p.Alone() || !slices.Contains(n.log.list(), key) {
		t.Errorf("Append(%q) of a node alone = %+v, %v", key, p, err)
	}
}

// TestNoMember is a node that never reaches anybody.
func TestNoMember(t *testing.T) {
	t.Parallel()
	ports, err := member.FreePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	n := startNode(t, "a", Options{Addresses: []string{fmt.Sprintf("127.0.0.1:%d", ports[0])}})
	appendAlone(t, n, "one")
	appendAlone(t, n, "two")
	if won, err := n.Claim(t.Context(), "x#0#0", time.Minute); !won || err != nil {
		t.Errorf("Claim = %v, %v; a node alone polls for itself", won, err)
	}
	n.Enter(Entry{User: "7", Streams: map[string]int{"ws": 1}})
	n.Poll("s", Entry{Streams: map[string]int{"poll": 1}}, time.Minute)
	if got := n.Roster(); got.Connections != 2 {
		t.Errorf("Roster() = %+v, want 2 connections", got)
	}
	if _, ok, err := n.Want(t.Context(), "x"); ok || err != nil || !slices.Equal(living(n), []string{"a"}) {
		t.Error("a node alone knows of others")
	}
	if got := n.Online(t.Context(), []string{"7", "8"}); !slices.Equal(got, []string{"7"}) {
		t.Errorf("Online = %q", got)
	}
	begun := time.Now()
	n.stop()
	if took := time.Since(begun); took > busyWithin || judged() && took > 5*time.Second {
		t.Errorf("a node without a member took %v to stop", took)
	}
}

// TestMemberRestarted kills the only member: everything that it held is gone.
func TestMemberRestarted(t *testing.T) {
	t.Parallel()
	m := startMember(t, member.Options{})
	nodes := startNodes(t, 2, optionsFor(t, m))
	a, b := nodes[0], nodes[1]
	for i := range 20 {
		mustAppend(t, a, fmt.Sprintf("before-%d", i))
	}
	a.Enter(Entry{User: "7", Streams: map[string]int{"ws": 1}})
	b.Enter(Entry{User: "8", Streams: map[string]int{"ws": 1}})
	b.Poll("s", Entry{Streams: map[string]int{"poll": 1}}, time.Minute)
	_, _, _ = a.Want(t.Context(), "sub")
	sameLogs(t, 5*time.Second, a, b)
	epoch := a.Epoch()

	m.Kill()
	degraded(t, 5*time.Second, a, b)
	appendAlone(t, a, "alone-a")
	appendAlone(t, b, "alone-b")
	if slices.Contains(a.log.list(), "alone-b") || a.Epoch() != epoch {
		t.Error("a message of a node alone was passed on, or the epoch changed")
	}
	if got := living(a); !slices.Equal(got, []string{"node-1"}) || a.Roster().Connections != 1 {
		t.Errorf("a alone sees %v and counts %d", got, a.Roster().Connections)
	}

	startMember(t, member.Options{Port: m.Port()})
	begun := time.Now()
	joined(t, 20*time.Second, a, b)
	t.Logf("joined again %v after the member was ready", time.Since(begun))
	eventually(t, 5*time.Second, func() error {
		if a.Epoch() == epoch || a.Epoch() != b.Epoch() {
			return fmt.Errorf("epochs %s and %s after %s", a.Epoch(), b.Epoch(), epoch)
		}
		return nil
	})
	p := mustAppend(t, a, "after")
	if p.Alone() || p.Epoch != a.Epoch() {
		t.Errorf("Append = %+v in epoch %s", p, a.Epoch())
	}
	eventually(t, 5*time.Second, func() error {
		if got := b.log.list(); !slices.Equal(got, []string{"after"}) {
			return fmt.Errorf("b has %q", got)
		}
		return nil
	})
	for _, n := range nodes {
		eventually(t, 15*time.Second, func() error {
			if r := n.Roster(); len(r.Users) != 2 || r.Connections != 3 {
				return fmt.Errorf("%s counts %d users, %d connections", n.Node(), len(r.Users), r.Connections)
			}
			return nil
		})
	}
	if err := b.Publish(t.Context(), "sub", 9, time.Minute, func() []byte { return []byte("x") }); err != nil {
		t.Error(err)
	}
	eventually(t, 5*time.Second, func() error {
		if a.log.reading("sub").Version != 9 {
			return fmt.Errorf("a gets no readings any more")
		}
		return nil
	})
}

// TestMemberFrozen stops the only member for a while, as a machine that hangs.
func TestMemberFrozen(t *testing.T) {
	t.Parallel()
	m := startMember(t, member.Options{Config: tuned(t)})
	nodes := startNodes(t, 2, optionsFor(t, m))
	a, b := nodes[0], nodes[1]
	mustAppend(t, a, "before")
	sameLogs(t, 5*time.Second, a, b)
	epoch := a.Epoch()

	m.Freeze()
	defer m.Thaw()
	var calls sync.WaitGroup
	within := func(what string, most time.Duration, call func()) {
		calls.Go(func() {
			begun := time.Now()
			call()
			if took := time.Since(begun); took > busyWithin || judged() && took > most {
				t.Errorf("%s took %v of a frozen member, want at most %v", what, took, most)
			}
		})
	}
	within("Append", appendFor+time.Second, func() {
		if p, err := a.Append(t.Context(), "doubtful", nil); !errors.Is(err, ErrUnknown) {
			t.Errorf("Append while the member froze = %+v, %v; want %v", p, err, ErrUnknown)
		}
	})
	within("Claim", 4*time.Second, func() { _, _ = a.Claim(t.Context(), "c#1#0", time.Minute) })
	within("Publish", 4*time.Second, func() {
		_ = a.Publish(t.Context(), "s", 1, time.Minute, func() []byte { return nil })
	})
	within("Want", 4*time.Second, func() { _, _, _ = a.Want(t.Context(), "s") })
	within("Reached", 4*time.Second, func() { a.Reached(t.Context(), epoch, 100) })
	within("Online", 2*time.Second, func() { a.Online(t.Context(), []string{"7"}) })
	degraded(t, 8*time.Second, a, b)
	calls.Wait()
	appendAlone(t, b, "alone")
	if p, err := a.Append(t.Context(), "doubtful", nil); !errors.Is(err, ErrUnknown) {
		t.Errorf("Append of a doubtful message = %+v, %v; want %v", p, err, ErrUnknown)
	}
	pause(t.Context(), 8*time.Second) // longer than the client waits for an answer to its own signs of life

	m.Thaw()
	begun := time.Now()
	joined(t, 30*time.Second, a, b)
	t.Logf("joined again after %v", time.Since(begun))
	mustAppend(t, a, "doubtful") // the sender asks again
	mustAppend(t, b, "after")
	if a.Epoch() != epoch {
		t.Errorf("epoch %s after %s: nothing was lost", a.Epoch(), epoch)
	}
	eventually(t, 5*time.Second, func() error {
		got := b.log.list()
		got = slices.DeleteFunc(got, func(key string) bool { return key == "alone" })
		if !slices.Equal(got, a.log.list()) || len(got) != 3 {
			return fmt.Errorf("a has %q, b %q", a.log.list(), got)
		}
		return nil
	})
}

// TestStartWhileFrozen starts a node when the first member of its list accepts connections and never answers.
func TestStartWhileFrozen(t *testing.T) {
	t.Parallel()
	pair := startPair(t, member.Options{Config: tuned(t)})
	pair[0].Freeze()
	defer pair[0].Thaw()
	n := startNode(t, "a", optionsFor(t, pair...))
	appendAlone(t, n, "alone")
	joined(t, 20*startFor, n) // some in vain, as the other member has to take over first, and on a busy machine they are slow
	if p := mustAppend(t, n, "together"); p.Alone() {
		t.Errorf("Append = %+v", p)
	}
}

// TestSilentTopic loses a listener, as the client does when it cannot register it with a member again.
func TestSilentTopic(t *testing.T) {
	t.Parallel()
	m := startMember(t, member.Options{})
	a := startNodes(t, 1, optionsFor(t, m))[0]
	l := a.Cluster.(*Hazelcast).link.Load()
	if err := l.check(t.Context()); err != nil {
		t.Errorf("check = %v of topics that are heard", err)
	}
	topic := l.topics[3]
	heard := make(chan struct{}, 1)
	if err := l.hear(t.Context(), topic, func(*hazelcast.MessagePublished) { ring(heard) }); err != nil {
		t.Fatal(err)
	}
	l.ears.mu.Lock()
	silent := l.heard[topic]
	silent.echo = make(chan struct{}, 1) // what rings the old one is not heard
	l.heard[topic] = silent
	l.ears.mu.Unlock()
	if err := l.check(t.Context()); err == nil {
		t.Error("check did not notice a silent topic")
	}
}
