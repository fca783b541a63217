package cluster

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/cluster/member"
)

// contract is what both clusters keep. Each case gets a node that has joined.
var contract = []struct {
	name string
	test func(t *testing.T, n *node)
}{
	{"order", testOrder},
	{"replay", testReplay},
	{"gap", testGap},
	{"gap for good", testGapForGood},
	{"epoch change", testEpochChange},
	{"repeat", testRepeat},
	{"too large", testTooLarge},
	{"reached", testReached},
	{"claims", testClaims},
	{"claims of two", testClaimsOfTwo},
	{"presence", testPresenceOfTwo},
	{"presence of streams", testStreams},
	{"presence of pollers", testPollers},
	{"self", testSelf},
	{"readings", testOwnReadings},
	{"alerts", testAlerts},
	{"channel", testChannel},
	{"channel taken over", testChannelReplaced},
	{"channel of two", testChannelOfTwo},
}

// contractKeeps is how many messages the log of the contract's member holds.
const contractKeeps = 400

func TestContract(t *testing.T) {
	t.Parallel()
	t.Run("local", func(t *testing.T) {
		for _, c := range contract {
			t.Run(c.name, func(t *testing.T) {
				log := newRecorder()
				n := runNode(t, NewLocal("node-1", log), log)
				n.another = func() *node {
					log := newRecorder()
					return runNode(t, NewLocal("node-2", log), log)
				}
				n.lose = func() { log.Restart(NewEpoch(), 0, nil) } // a hub with a new Local, as after a restart
				n.miss = func(keys ...string) {                     // nobody else can append, so there is nothing to miss
					for _, key := range keys {
						mustAppend(t, n, key)
					}
				}
				c.test(t, n)
			})
		}
	})
	t.Run("hazelcast", func(t *testing.T) {
		m := startMember(t, member.Options{Config: fmt.Appendf(nil, "hazelcast: { ringbuffer: { messages: { capacity: %d } } }", contractKeeps)})
		o := optionsFor(t, m)
		for _, c := range contract {
			t.Run(c.name, func(t *testing.T) {
				n := startNodes(t, 1, o)[0]
				n.another = func() *node {
					other := startNode(t, "node-2", o)
					joined(t, 10*time.Second, n, other)
					return other
				}
				n.lose = func() {
					if err := n.Cluster.(*Hazelcast).link.Load().ring.Destroy(t.Context()); err != nil {
						t.Error(err)
					}
				}
				n.miss = func(keys ...string) { missing(t, n, keys) }
				c.test(t, n)
			})
		}
	})
}

func testOrder(t *testing.T, n *node) {
	before := len(n.log.list())
	var senders sync.WaitGroup
	for s := range 4 {
		senders.Go(func() {
			for i := range 25 {
				key := fmt.Sprintf("%s-%d-%d", t.Name(), s, i)
				p, err := n.Append(t.Context(), key, []byte(key))
				if err != nil || p.Alone() || p.Epoch != n.Epoch() {
					t.Errorf("Append(%q) = %v, %v; want a place in %s", key, p, err, n.Epoch())
				}
				n.log.mu.Lock()
				if n.log.keys[key] != p.Seq {
					t.Errorf("Append(%q) = %d; the log took it at %d", key, p.Seq, n.log.keys[key])
				}
				n.log.mu.Unlock()
			}
		})
	}
	senders.Wait()
	if got := len(n.log.list()) - before; got != 100 {
		t.Errorf("the log took %d messages, want 100", got)
	}
}

// testReplay starts another node: it knows the whole log, or has one of its own and says so.
func testReplay(t *testing.T, n *node) {
	var last Position
	for i := range 300 { // more than are read at a time
		last = mustAppend(t, n, fmt.Sprintf("%s-%d", t.Name(), i))
	}
	other := n.another()
	if reached := other.Reached(t.Context(), last.Epoch, last.Seq); reached != (other.Epoch() == n.Epoch()) {
		t.Errorf("a new node has reached %v: %v, in epoch %s", last, reached, other.Epoch())
	} else if want := n.log.list(); reached && !slices.Equal(other.log.list(), want) {
		t.Errorf("a new node has %d messages, want %d", len(other.log.list()), len(want))
	}
}

// testEpochChange loses the log: nobody may take a position of it for one of the next.
func testEpochChange(t *testing.T, n *node) {
	before := mustAppend(t, n, t.Name())
	n.log.mu.Lock()
	restarts := n.log.restarts
	n.log.mu.Unlock()
	n.lose()
	eventually(t, 10*time.Second, func() error {
		n.log.mu.Lock()
		defer n.log.mu.Unlock()
		if n.log.restarts != restarts+1 || n.log.epoch == before.Epoch || len(n.log.items) != 0 {
			return fmt.Errorf("%d restarts, epoch %s with %d items", n.log.restarts-restarts, n.log.epoch, len(n.log.items))
		}
		return nil
	})
}

func testRepeat(t *testing.T, n *node) {
	before := len(n.log.list())
	for range 2 {
		if _, err := n.Append(t.Context(), t.Name(), []byte("once")); err != nil {
			t.Fatal(err)
		}
	}
	if got := n.log.list()[before:]; !slices.Equal(got, []string{t.Name()}) {
		t.Errorf("after a repeat the log has %q", got)
	}
}

func testTooLarge(t *testing.T, n *node) {
	if _, err := n.Append(t.Context(), "k", make([]byte, MaxMessage)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("Append of %d bytes = %v, want %v", MaxMessage+1, err, ErrTooLarge)
	}
	if p, err := n.Append(t.Context(), t.Name(), make([]byte, MaxMessage-len(t.Name()))); err != nil || p.Alone() {
		t.Errorf("Append of %d bytes = %v, %v", MaxMessage, p, err)
	}
}

func testReached(t *testing.T, n *node) {
	p := mustAppend(t, n, t.Name())
	tests := []struct {
		epoch string
		seq   int64
		want  bool
	}{
		{p.Epoch, p.Seq, true},
		{p.Epoch, p.Seq + 1, false},
		{"another", p.Seq, false},
	}
	for _, tt := range tests {
		if got := n.Reached(t.Context(), tt.epoch, tt.seq); got != tt.want {
			t.Errorf("Reached(%q, %d) = %v, want %v", tt.epoch, tt.seq, got, tt.want)
		}
	}
}

func testClaims(t *testing.T, n *node) {
	for range 2 { // the same node again, as after an answer that was lost
		if won, err := n.Claim(t.Context(), ClaimName(t.Name(), 7, 0), time.Minute); !won || err != nil {
			t.Errorf("Claim = %v, %v; want true", won, err)
		}
	}
}

func testStreams(t *testing.T, n *node) {
	n.Enter(Entry{User: "7", Name: "Ann", Streams: map[string]int{"ws": 2, "sse": 1}, Rooms: map[string]int{"red": 2}})
	n.Enter(Entry{User: "8", Streams: map[string]int{"ws": 1}, Rooms: map[string]int{"red": 1}})
	n.Enter(Entry{Streams: map[string]int{"sse": 4}})
	n.Enter(Entry{User: "8"})
	want := &Roster{
		Users: map[string]*User{"7": {
			ID: "7", Name: "Ann", Connections: 3, Transports: map[string]int{"ws": 2, "sse": 1}, Nodes: []string{"node-1"},
		}},
		Connections: 7,
		Transports:  map[string]int{"ws": 2, "sse": 5},
		Nodes:       map[string]map[string]int{"node-1": {"ws": 2, "sse": 5}},
		Rooms:       map[string]*Room{"red": {Connections: 2, Users: map[string]int{"7": 2}}},
	}
	if got := n.Roster(); !reflect.DeepEqual(got, want) {
		t.Errorf("Roster() = %+v, want %+v", got, want)
	}
	if got := n.Online(t.Context(), []string{"8", "7", "9"}); !slices.Equal(got, []string{"7"}) {
		t.Errorf("Online = %q, want 7", got)
	}
	eventually(t, time.Second, func() error {
		n.log.mu.Lock()
		defer n.log.mu.Unlock()
		if n.log.changes == 0 {
			return fmt.Errorf("nobody was told of a change")
		}
		return nil
	})
}

func testPollers(t *testing.T, n *node) {
	polls := func(session string, stays time.Duration) {
		n.Poll(session, Entry{User: "7", Streams: map[string]int{"poll": 1}}, stays)
	}
	polls("a", time.Minute)
	polls("a", time.Minute)
	polls("b", time.Minute)
	if got := n.Roster(); got.Connections != 2 || len(got.Users) != 1 || got.Nodes["node-1"]["poll"] != 2 {
		t.Errorf("Roster() = %+v, want 2 pollers of one user", got)
	}
	n.Unpoll("a")
	n.Unpoll("b")
	polls("c", 100*time.Millisecond)
	eventually(t, 20*time.Second, func() error {
		if got := n.Roster(); got.Connections != 0 {
			return fmt.Errorf("%d connections, want none", got.Connections)
		}
		return nil
	})
}

func testSelf(t *testing.T, n *node) {
	if n.State().Degraded || !slices.Equal(living(n), []string{"node-1"}) || n.Node() != "node-1" {
		t.Errorf("State() = %+v, Nodes() = %+v; want node-1 alone and well", n.State(), n.Nodes())
	}
}

func testOwnReadings(t *testing.T, n *node) {
	data := bytes.Repeat([]byte("reading "), 10_000)
	if _, ok, err := n.Want(t.Context(), t.Name()); ok || err != nil {
		t.Error("Want found a reading before there was one")
	}
	if err := n.Publish(t.Context(), t.Name(), 3, time.Minute, func() []byte { return data }); err != nil {
		t.Errorf("Publish = %v", err)
	}
	if r, ok, _ := n.Want(t.Context(), t.Name()); ok && (r.Version != 3 || !bytes.Equal(r.Data, data) || r.Shift != 0) {
		t.Errorf("Want = version %d of %d bytes, shift %v", r.Version, len(r.Data), r.Shift)
	}
	n.Unwant(t.Name())
	n.log.mu.Lock()
	defer n.log.mu.Unlock()
	if n.log.came != 0 {
		t.Errorf("%d of its own readings came back", n.log.came)
	}
}
