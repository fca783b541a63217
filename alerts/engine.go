package alerts

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

const (
	// Most is how many alerts may be raised at a time.
	Most = 1000
	// MostCleared is how many alerts are kept when they are cleared.
	MostCleared = 200
	// KeepCleared is for how long they are.
	KeepCleared = 24 * time.Hour

	// refreshEvery is how old an alert of another node may be here.
	refreshEvery = 2 * time.Second
	// seenWithin is how long after a change all nodes know of it, on clocks that differ by less.
	seenWithin = time.Minute
	// aloneAfter is how long a node without the others waits for them before it goes on by itself.
	aloneAfter = 30 * time.Second
	// unwatchedFor is how long a source may be judged by nobody before its alerts are cleared.
	unwatchedFor = 10 * time.Minute
	// mostSwaps is how often a change is tried against those of other nodes.
	mostSwaps = 8
	// callFor is how long one call of the store may take.
	callFor = 5 * time.Second
)

// errBusy reports an alert that other nodes changed again and again.
var errBusy = errors.New("alerts: the alert changes too fast")

// Options tell an Engine where it is. Self and Post must be set.
type Options struct {
	// Self names this process, and no other one before or after it.
	Self string
	// Lives says whether a process that is not this one still runs; of one that it does not know for sure, yes. The default is no.
	Lives func(process string) bool
	// Judged says whether a source is judged on any node. The default is yes.
	Judged func(Source) bool
	// Post posts an event to the room. It drops one that it has posted before. ErrAlone has it tried again until others can hear it.
	Post func(context.Context, Event) error
	// Notifiers are told of what is raised, worse and cleared.
	Notifiers []Notifier
	// Logger is told when an event is given up, when there are too many alerts, and when the store fails. The default discards that.
	Logger *slog.Logger
}

func (o Options) withDefaults() Options {
	if o.Lives == nil {
		o.Lives = func(string) bool { return false }
	}
	if o.Judged == nil {
		o.Judged = func(Source) bool { return true }
	}
	o.Logger = cmp.Or(o.Logger, slog.New(slog.DiscardHandler))
	return o
}

// Engine makes the alerts of this node's verdicts and tells people of them. All methods may be called concurrently.
type Engine struct {
	opts    Options
	store   Store
	targets []*target
	bell    chan struct{} // size 1: there is a verdict

	mu        sync.Mutex
	known     map[string]*entry    // the store as this node knows it; guarded by mu, like all below
	inbox     map[Source]Verdict   // not compared yet
	alone     time.Time            // since when the store is out of reach; zero: it is not
	failing   bool                 // it is for another reason than that this node is alone
	full      bool                 // there were more than Most
	unwatched map[string]time.Time // since when nobody judges what an alert is of; used by Run alone
}

// New returns an engine over a store. Nothing is raised or told until Run. An error names the notifier that is wrong.
func New(store Store, opts Options) (*Engine, error) {
	e := &Engine{
		opts: opts.withDefaults(), store: store, bell: make(chan struct{}, 1), alone: time.Now(),
		known: make(map[string]*entry), inbox: make(map[Source]Verdict), unwatched: make(map[string]time.Time),
	}
	e.targets = []*target{newTarget(e, room, opts.Post)}
	names := map[string]bool{room: true}
	for _, n := range opts.Notifiers {
		if name := n.Name(); name == "" || names[name] {
			return nil, fmt.Errorf("notifier %q: each needs a name of its own", name)
		}
		names[n.Name()] = true
		e.targets = append(e.targets, newTarget(e, n.Name(), n.Notify))
	}
	return e, nil
}

// Judge takes a verdict, and never blocks. Of several on one source that came meanwhile the newest counts.
func (e *Engine) Judge(v Verdict) {
	e.mu.Lock()
	e.takeIn(v)
	e.mu.Unlock()
	ring(e.bell)
}

// takeIn keeps the newer one of two verdicts. The caller holds mu.
func (e *Engine) takeIn(v Verdict) {
	if old, ok := e.inbox[v.Source]; !ok || old.Version < v.Version {
		e.inbox[v.Source] = v
	}
}

// Run raises, clears and tells until ctx ends, and returns when nothing of that is under way any more. What is untold then is told by
// another node, or by the next process. It may be called once.
func (e *Engine) Run(ctx context.Context) error {
	var telling sync.WaitGroup
	defer telling.Wait()
	for _, t := range e.targets {
		telling.Go(func() { t.run(ctx) })
	}
	tick := time.NewTicker(refreshEvery)
	defer tick.Stop()
	e.refresh(ctx)
	for {
		e.compareAll(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-e.bell:
		case <-tick.C:
			e.refresh(ctx)
		}
	}
}

// usable says whether alerts can be changed now. The caller holds mu.
func (e *Engine) usable() bool { return e.alone.IsZero() || time.Since(e.alone) >= aloneAfter }

// get returns what is known under a key.
func (e *Engine) get(key string) *entry {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.known[key]
}

// update changes one alert, on all nodes at once. change is given the alert as it is, nil if there is none, and returns another one, or
// nil to leave it; it may be called several times.
func (e *Engine) update(ctx context.Context, key string, change func(old *entry) *entry) error {
	for range mostSwaps {
		old := e.get(key)
		next := change(old)
		if next == nil {
			return nil
		}
		if err := e.finish(next); err != nil {
			return err
		}
		if old != nil && old.dirty { // the store does not have it yet
			if e.replace(key, old, next) {
				return nil
			}
			continue
		}
		now, err := e.swap(ctx, key, old.bytes(), next.raw)
		switch {
		case err != nil && ctx.Err() != nil:
			return err
		case err != nil:
			e.missed(err)
			if done, err := e.updateAlone(key, old, next, err); done {
				return err
			}
		case bytes.Equal(now, next.raw):
			e.keep(key, next)
			e.giveUp(next)
			return nil
		default:
			e.correct(key, old, now)
		}
	}
	return errBusy
}

func (e *Engine) swap(ctx context.Context, key string, old, next []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, callFor)
	defer cancel()
	return e.store.Swap(ctx, key, old, next)
}

// updateAlone makes a change that this node brings along when the store is back, if it has been away, as failed says, for long enough.
// done: there is nothing to try again.
func (e *Engine) updateAlone(key string, old, next *entry, failed error) (done bool, err error) {
	e.mu.Lock()
	usable := e.usable()
	e.mu.Unlock()
	if !usable {
		return true, failed
	}
	return e.replace(key, old, next), nil
}

// replace makes a change on this node alone, for refresh to bring into the store.
func (e *Engine) replace(key string, old, next *entry) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.known[key] != old {
		return false
	}
	next.dirty = true
	e.known[key] = next
	e.ringAll()
	e.giveUp(next)
	return true
}

// missed notes that the store is out of reach. That this node is alone is known to people already; what else it is, is logged once.
func (e *Engine) missed(err error) {
	e.mu.Lock()
	if e.alone.IsZero() {
		e.alone = time.Now()
	}
	news := !e.failing && !errors.Is(err, ErrAlone)
	e.failing = e.failing || news
	e.mu.Unlock()
	if news {
		e.opts.Logger.Error("alerts cannot be stored: none change for a while, then this node goes on by itself", "for", aloneAfter.String(), "err", err)
	}
}

// found notes that the store is there.
func (e *Engine) found() {
	e.mu.Lock()
	e.alone = time.Time{}
	news := e.failing
	e.failing = false
	e.ringAll()
	e.mu.Unlock()
	if news {
		e.opts.Logger.Info("alerts are stored again")
	}
}

// keep takes over what this node wrote, unless something newer is known already.
func (e *Engine) keep(key string, next *entry) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if old := e.known[key]; old == nil || old.compare(next) < 0 {
		e.known[key] = next
	}
	e.ringAll()
}

// correct takes over what is in the store in place of what was believed to be.
func (e *Engine) correct(key string, believed *entry, now []byte) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.known[key] != believed {
		return // somebody here was faster
	}
	if now == nil && believed.stays() {
		lost := *believed
		lost.dirty = true
		e.known[key] = &lost
		return
	}
	if now == nil {
		delete(e.known, key)
		return
	}
	if is, err := decode(now); err == nil {
		e.known[key] = is
	}
}

func (e *Engine) ringAll() {
	for _, t := range e.targets {
		ring(t.bell)
	}
}

// ring rings a bell, which is a channel of size 1.
func ring(bell chan struct{}) {
	select {
	case bell <- struct{}{}:
	default:
	}
}
