package alerts

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// people notes what it is told, and whose the notes are: the room's or those of a notifier.
type people struct {
	name string

	mu     sync.Mutex
	events []Event
	fail   func(n int, e Event) error // of the n-th call, counted from 1; nil: none fails
	calls  int
}

func (p *people) Name() string { return p.name }

func (p *people) Notify(ctx context.Context, e Event) error {
	p.mu.Lock()
	p.calls++
	n, fail := p.calls, p.fail
	p.mu.Unlock()
	if fail != nil {
		if err := fail(n, e); err != nil {
			return err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.events = append(p.events, e)
	return ctx.Err()
}

// told are the changes that p was told, in order, each ID once.
func (p *people) told() (list []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	seen := make(map[string]bool)
	for _, e := range p.events {
		if !seen[e.ID] {
			seen[e.ID] = true
			list = append(list, string(e.Change)+" "+e.Alert.Record)
		}
	}
	return list
}

// all is what p was told, repeats included.
func (p *people) all() []Event {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.events)
}

// times is how often p was told something, repeats included.
func (p *people) times() int {
	return len(p.all())
}

// breakable is a store that can be out of reach.
type breakable struct {
	Memory
	mu  sync.Mutex
	err error // guarded by mu
}

func (b *breakable) breaks(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.err = err
}

func (b *breakable) broken() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}

func (b *breakable) All(ctx context.Context) (map[string][]byte, error) {
	if err := b.broken(); err != nil {
		return nil, err
	}
	return b.Memory.All(ctx)
}

func (b *breakable) Swap(ctx context.Context, key string, old, next []byte) ([]byte, error) {
	if err := b.broken(); err != nil {
		return nil, err
	}
	return b.Memory.Swap(ctx, key, old, next)
}

// node is an engine that runs.
type node struct {
	*Engine
	stop func() // ends it, and waits for it
}

// town is several nodes and the people that they tell.
type town struct {
	t          *testing.T
	shared     *breakable
	room, mail *people
	mu         sync.Mutex
	dead       map[string]bool
	unwatched  bool // guarded by mu
}

func newTown(t *testing.T) *town {
	return &town{t: t, shared: &breakable{}, room: &people{name: "room"}, mail: &people{name: "mail"}, dead: make(map[string]bool)}
}

func (w *town) lives(name string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return !w.dead[name]
}

func (w *town) judged(Source) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return !w.unwatched
}

// start runs an engine under a name until the end of the test. change may alter its options.
func (w *town) start(name string, change ...func(*Options)) *node {
	w.t.Helper()
	opts := Options{
		Self: name, Lives: w.lives, Judged: w.judged, Post: w.room.Notify, Notifiers: []Notifier{w.mail},
	}
	for _, c := range change {
		c(&opts)
	}
	e, err := New(w.shared, opts)
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(w.t.Context())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	n := &node{Engine: e}
	n.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			w.t.Error(err)
		}
		w.mu.Lock()
		w.dead[name] = true
		w.mu.Unlock()
	})
	w.t.Cleanup(n.stop)
	synctest.Wait()
	return n
}

// judge gives a verdict on boilers: the name of each with its temperature. 80 is warm, 90 is hot, and what is not named is gone.
func (n *node) judge(boilers map[string]float64) {
	n.Judge(verdictOn(boilers))
	synctest.Wait()
}

func verdictOn(boilers map[string]float64) Verdict {
	now := time.Now()
	v := Verdict{Source: Source{Feed: "boilers"}, Version: now.UnixMicro(), At: now}
	v.Value = func(record, _ string) (*float64, bool) {
		value, there := boilers[record]
		return &value, there
	}
	for name, value := range boilers {
		f := Finding{Record: name, Label: "Boiler " + name, Field: "value", Value: &value, Unit: "°C", Since: now, Bound: 80, State: Warn}
		if value >= 90 {
			f.Bound, f.State = 90, Crit
		}
		if value >= 80 {
			v.Beyond = append(v.Beyond, f)
		}
	}
	return v
}

// is complains when p was told something else.
func (w *town) is(p *people, want ...string) {
	w.t.Helper()
	if got := p.told(); !slices.Equal(got, want) {
		w.t.Errorf("%s was told %q; want %q", p.name, got, want)
	}
}

// raised complains when other alerts are raised on n.
func (w *town) raised(n *node, want ...string) {
	w.t.Helper()
	var got []string
	list, _ := n.Alerts()
	for _, a := range list {
		if a.Cleared.IsZero() {
			got = append(got, fmt.Sprintf("%s %s", a.Record, a.State))
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		w.t.Errorf("raised: %q; want %q", got, want)
	}
}
