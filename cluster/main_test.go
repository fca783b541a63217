package cluster

import (
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/pulsewall/pulsewall/cluster/member"
)

// sideBySide is how many tests run at the same time. They wait for clocks and members most of the time; each member takes
// about 250 MB.
const sideBySide = "4"

func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", sideBySide); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m,
		// A client that could not start leaves this one behind for good. keepLinked therefore starts few.
		goleak.IgnoreTopFunction("github.com/hazelcast/hazelcast-go-client.(*Client).schemaInvoker"),
		// A client that is shut down at the moment when it loses its last member locks itself out.
		goleak.IgnoreAnyFunction("github.com/hazelcast/hazelcast-go-client/internal/invocation.(*Service).handleGroupLost"),
		// One that is shut down while a member that hangs owes it the list of members stays until it gives up, 120 s later.
		goleak.IgnoreAnyFunction("github.com/hazelcast/hazelcast-go-client/internal/client.(*Client).handleClusterEvent"),
		goleak.IgnoreAnyFunction("github.com/hazelcast/hazelcast-go-client/internal/cluster.(*ConnectionManager).syncConnections"),
		goleak.IgnoreAnyFunction("github.com/hazelcast/hazelcast-go-client/internal/event.(*DispatchService).Stop.func1"),
	)
}

// recorder is the Handler of a node: the log as a hub keeps it, and what else came.
type recorder struct {
	mu        sync.Mutex
	epoch     string
	after     int64            // the position before the first item
	items     []Item           // without repeats
	keys      map[string]int64 // seq by key
	last      int64
	restarts  int
	readings  map[string]Reading
	came      int // readings
	changes   int
	streaming string // a session that has a stream here
	wrong     []string
}

func newRecorder() *recorder {
	return &recorder{keys: make(map[string]int64), readings: make(map[string]Reading)}
}

func (r *recorder) Deliver(it Item) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if it.Alone() {
		if it.Seq != r.last {
			r.wrong = append(r.wrong, fmt.Sprintf("alone item %v after %d", it.Position, r.last))
		}
	} else {
		if it.Seq != r.last+1 {
			r.wrong = append(r.wrong, fmt.Sprintf("item %d after %d", it.Seq, r.last))
		}
		r.last = it.Seq
	}
	r.keep(it)
}

func (r *recorder) keep(it Item) {
	if _, repeat := r.keys[it.Key]; !repeat {
		r.keys[it.Key] = it.Seq
		r.items = append(r.items, it)
	}
}

func (r *recorder) Restart(epoch string, after int64, kept []Item) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.epoch, r.after, r.last, r.items, r.keys = epoch, after, after, nil, make(map[string]int64)
	r.restarts++
	for _, it := range kept {
		if it.Seq != r.last+1 {
			r.wrong = append(r.wrong, fmt.Sprintf("kept %d after %d", it.Seq, r.last))
		}
		r.last = it.Seq
		r.keep(it)
	}
}

func (r *recorder) Reading(x Reading) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.came++
	if r.readings[x.Sub].Version < x.Version {
		r.readings[x.Sub] = x
	}
}

func (r *recorder) Streaming(sessions []string) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.DeleteFunc(sessions, func(session string) bool { return session != r.streaming })
}

func (r *recorder) Changed() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.changes++
}

// list returns the keys in order.
func (r *recorder) list() (keys []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, it := range r.items {
		keys = append(keys, it.Key)
	}
	return keys
}

// begun returns how often the log began.
func (r *recorder) begun() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.restarts
}

func (r *recorder) reading(sub string) Reading {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.readings[sub]
}

func (r *recorder) check(t *testing.T) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.wrong) > 0 {
		t.Errorf("%d mistakes in the log, the first: %s", len(r.wrong), r.wrong[0])
	}
}

// node is one running node.
type node struct {
	Cluster
	log     *recorder
	stop    func()
	another func() *node         // starts one more of its kind; only in the contract
	lose    func()               // loses the log; only in the contract
	miss    func(keys ...string) // puts messages into the log that the node does not hear of; only in the contract
}

// startNode starts a node that ends with the test at the latest.
func startNode(t *testing.T, name string, o Options) *node {
	t.Helper()
	log := newRecorder()
	return runNode(t, NewHazelcast(name, log, o), log)
}

func runNode(t *testing.T, c Cluster, log *recorder) *node {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := c.Run(ctx); err != nil {
			t.Errorf("%s: Run = %v", c.Node(), err)
		}
	}()
	n := &node{Cluster: c, log: log}
	n.stop = sync.OnceFunc(func() {
		cancel()
		<-done
		log.check(t)
	})
	t.Cleanup(n.stop)
	return n
}

// startNodes starts n nodes and waits until they have joined and see each other.
func startNodes(t *testing.T, n int, o Options) []*node {
	t.Helper()
	var list []*node
	for i := range n {
		list = append(list, startNode(t, fmt.Sprintf("node-%d", i+1), o))
	}
	joined(t, 20*time.Second, list...)
	return list
}

// joined waits until none of the nodes is degraded and each sees all.
func joined(t *testing.T, within time.Duration, list ...*node) {
	t.Helper()
	var want []string
	for _, n := range list {
		want = append(want, n.Node())
	}
	slices.Sort(want)
	for _, n := range list {
		eventually(t, within, func() error {
			if n.State().Degraded {
				return fmt.Errorf("%s is degraded", n.Node())
			}
			if got := living(n); !slices.Equal(got, want) {
				return fmt.Errorf("%s sees %v, want %v", n.Node(), got, want)
			}
			return nil
		})
	}
}

func living(c Cluster) (names []string) {
	for _, n := range c.Nodes() {
		if !n.Gone {
			names = append(names, n.Name)
		}
	}
	return names
}

// judged says whether times that a busy machine spoils are judged: with PULSEWALL_LONG. Else they are told.
func judged() bool { return os.Getenv("PULSEWALL_LONG") != "" }

// busyWithin is how long a busy machine may take for what is soon elsewhere.
const busyWithin = time.Minute

// eventually repeats what until it succeeds: within a time that is judged, else within what a busy machine may take.
func eventually(t *testing.T, within time.Duration, what func() error) {
	t.Helper()
	if !judged() {
		within = max(within, busyWithin)
	}
	begun := time.Now()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		err := what()
		if err == nil {
			return
		}
		if time.Since(begun) > within {
			t.Fatalf("after %v: %v", within, err)
		}
		<-tick.C
	}
}

// startMember starts a member that ends with the test.
func startMember(t *testing.T, o member.Options) *member.Member {
	t.Helper()
	if o.Cluster == "" {
		o.Cluster = testCluster(t)
	}
	m, err := member.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

func startPair(t *testing.T, o member.Options) []*member.Member {
	t.Helper()
	o.Cluster = testCluster(t)
	pair, err := member.StartPair(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range pair {
		t.Cleanup(m.Close)
	}
	return pair
}

// testCluster keeps members of different tests apart.
func testCluster(t *testing.T) string { return "test-" + strings.ReplaceAll(t.Name(), "/", "-") }

func optionsFor(t *testing.T, members ...*member.Member) Options {
	o := Options{Cluster: testCluster(t)}
	for _, m := range members {
		o.Addresses = append(o.Addresses, m.Addr())
	}
	return o
}

// mustAppend appends as a sender does: the same key again while the outcome is unknown.
func mustAppend(t *testing.T, n *node, key string) Position {
	t.Helper()
	for {
		p, err := n.Append(t.Context(), key, []byte("data of "+key))
		if err == nil {
			return p
		}
		if t.Context().Err() != nil {
			t.Fatalf("Append(%q) = %v", key, err)
		}
	}
}
