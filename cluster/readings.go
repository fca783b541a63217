package cluster

import (
	"context"
	"errors"
	"hash/fnv"
	"sync"
	"time"

	"github.com/hazelcast/hazelcast-go-client"
)

const (
	// listenAgain is when a topic is asked for again that could not be listened to.
	listenAgain = time.Second
	// newestAtOnce is how many newest readings are asked for in one call after a reconnect.
	newestAtOnce = 50
	// storedWithin is how much later than in its topic a reading may be in the map without being sent again. Who begins to
	// listen reads the map so much later, and so misses nothing.
	storedWithin = 25 * time.Millisecond
	// storedAnyway is how long storing a reading waits for the answer to sending it: that member may hang, and not the other.
	storedAnyway = 10 * time.Millisecond
)

// readings carries readings between the nodes that want them: small ones in the topic of their subscription, large ones
// through the map, from where everybody takes the newest.
type readings struct {
	h         *Hazelcast
	bell      chan struct{} // size 1: listen where something is wanted
	inboxBell chan struct{} // size 1: something has come
	fetchBell chan struct{} // size 1: something is to be fetched from the map

	mu       sync.Mutex
	wanted   map[string]struct{}    // guarded by mu, like all below
	inbox    map[string]wireReading // the newest of each that came and was not handed over yet
	fetching map[string]wireReading // the newest of each that only the map has
	listened chan struct{}          // closed when the topics that are wanted now have been listened to, or it failed
	stale    bool                   // what is wanted has to be read from the map again

	heard [readingTopics]bool // used by run alone, like all below
	on    *link               // where they are heard
}

func newReadings(h *Hazelcast) *readings {
	return &readings{
		h: h, bell: make(chan struct{}, 1), inboxBell: make(chan struct{}, 1), fetchBell: make(chan struct{}, 1),
		wanted: make(map[string]struct{}), inbox: make(map[string]wireReading), fetching: make(map[string]wireReading),
		listened: make(chan struct{}),
	}
}

// topicOf spreads the subscriptions over the topics.
func topicOf(sub string) int {
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(sub))
	return int(hash.Sum32() % readingTopics)
}

// Publish sends the reading and puts it into the map; a large one is in the map first.
func (r *readings) Publish(ctx context.Context, sub string, version int64, keep time.Duration, data func() []byte) error {
	if r.h.messages.isAlone() {
		return nil
	}
	w := wireReading{sub: sub, version: version, incarnation: r.h.incarnation, sent: r.h.opts.Now()}
	packed, small, err := w.pack(data())
	if err != nil {
		return err
	}
	if small {
		return r.publishSmall(ctx, w, keep, packed)
	}
	newest, err := r.store(ctx, w, keep, packed, small)
	if err != nil || !newest {
		return err
	}
	w.kind, w.sent = referred, r.h.opts.Now()
	return r.send(ctx, sub, w.frame())
}

// publishSmall sends first. Beside it, storing nearly doubles the time until others have the reading: a second member makes a copy
// meanwhile, and of two requests on one connection the second stays here until the first is answered (Nagle's algorithm, which the
// library leaves on).
func (r *readings) publishSmall(ctx context.Context, w wireReading, keep time.Duration, packed []byte) error {
	return sendAndStore(
		func() error { return r.send(ctx, w.sub, packed) },
		func() (newest bool, err error) { return r.store(ctx, w, keep, packed, true) },
	)
}

// sendAndStore stores when it has sent, or while it still sends, and sends again what was stored too late for the first time, or not sent.
func sendAndStore(send func() error, store func() (newest bool, err error)) error {
	begun := time.Now()
	var (
		newest, late bool
		err          error
		storing      sync.WaitGroup
	)
	taken := make(chan struct{})
	storing.Go(func() {
		select {
		case <-taken:
		case <-time.After(storedAnyway):
		}
		newest, err = store()
		late = time.Since(begun) > storedWithin
	})
	sent := send()
	close(taken)
	storing.Wait()
	if newest && (late || sent != nil) {
		sent = send()
	}
	return errors.Join(err, sent)
}

// send tells the nodes that listen.
func (r *readings) send(ctx context.Context, sub string, packed []byte) error {
	return r.h.do(ctx, func(ctx context.Context, l *link) error { return l.topics[topicOf(sub)].Publish(ctx, packed) })
}

// store makes the reading the newest in the map, unless a newer one is there.
func (r *readings) store(
	ctx context.Context, w wireReading, keep time.Duration, packed []byte, small bool,
) (newest bool, err error) {
	newest, err = putNewest(packed, w.version, func(value any) (old any, err error) {
		err = r.h.do(ctx, func(ctx context.Context, l *link) (err error) {
			m := l.readings
			if !small {
				m = l.bulkReading
			}
			if keep == 0 {
				old, err = m.Put(ctx, w.sub, value)
			} else {
				old, err = m.PutWithTTL(ctx, w.sub, value, max(keep, leastKept))
			}
			return err
		})
		return old, err
	})
	return newest || err != nil, err
}

// putNewest puts a reading where put does, which returns what was there. Whoever took away a newer one puts it back, so that
// of several at the same time the newest stays.
func putNewest(value any, version int64, put func(any) (any, error)) (newest bool, err error) {
	for newest = true; ; newest = false {
		old, err := put(value)
		there, bad := parseReading(old)
		if err != nil || bad != nil || there.version <= version {
			return newest, err
		}
		value, version = old, there.version
	}
}

// Want listens first and reads then.
func (r *readings) Want(ctx context.Context, sub string) (newest Reading, ok bool, err error) {
	r.mu.Lock()
	_, wanted := r.wanted[sub]
	r.wanted[sub] = struct{}{}
	listened := r.listened
	r.mu.Unlock()
	if !wanted {
		ring(r.bell)
	}
	if r.h.messages.isAlone() {
		return Reading{}, false, nil
	}
	if !wanted {
		wait, cancel := context.WithTimeout(ctx, callTimeout)
		select {
		case <-listened:
		case <-wait.Done():
		}
		cancel()
		pause(ctx, storedWithin)
	}
	var value any
	err = r.h.do(ctx, func(ctx context.Context, l *link) (err error) {
		value, err = l.bulkReading.Get(ctx, sub)
		return err
	})
	if err != nil && r.h.messages.isAlone() {
		err = nil
	}
	if err != nil || value == nil {
		return Reading{}, false, err
	}
	newest, bad := r.unpack(value) // what nobody can read is as good as nothing
	newest.Kept = true
	return newest, bad == nil, nil
}

// Unwant drops what comes from now on.
func (r *readings) Unwant(sub string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.wanted, sub)
	delete(r.inbox, sub)
	delete(r.fetching, sub)
}

// unpack makes a reading of what stood in the map.
func (r *readings) unpack(value any) (Reading, error) {
	w, err := parseReading(value)
	if err != nil {
		return Reading{}, err
	}
	return r.reading(w)
}

func (r *readings) reading(w wireReading) (Reading, error) {
	data, err := w.data()
	return Reading{
		Sub: w.sub, Version: w.version, From: nodeOf(w.incarnation), Shift: r.h.nodes.shift(w.incarnation, w.sent), Data: data,
	}, err
}

// hear takes a reading from a topic. It runs on the client's own goroutine and only hands over: of each subscription the
// newest, so that what waits is bounded by what is wanted.
func (r *readings) hear(e *hazelcast.MessagePublished) {
	w, err := parseReading(e.Value)
	if err != nil || w.incarnation == r.h.incarnation {
		return
	}
	r.h.nodes.hears(w.incarnation, w.sent)
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, wanted := r.wanted[w.sub]; !wanted || r.inbox[w.sub].version >= w.version {
		return
	}
	r.inbox[w.sub] = w
	ring(r.inboxBell)
}

// relink has the newest of everything wanted read again, since the topics may have lost some.
func (r *readings) relink() {
	r.mu.Lock()
	r.stale = true
	r.mu.Unlock()
	ring(r.bell)
}

// run listens where something is wanted and hands over what comes, until ctx ends.
func (r *readings) run(ctx context.Context) {
	again := time.NewTicker(listenAgain)
	defer again.Stop()
	for {
		select {
		case <-r.inboxBell:
			r.handOver()
			continue
		case <-r.bell:
		case <-again.C:
		case <-ctx.Done():
			return
		}
		r.mu.Lock()
		listened := r.listened
		r.listened = make(chan struct{})
		r.mu.Unlock()
		good := r.listen(ctx)
		close(listened)
		if good {
			r.catchUp(ctx)
		}
	}
}

func (r *readings) handOver() {
	r.mu.Lock()
	inbox := r.inbox
	r.inbox = make(map[string]wireReading)
	for sub, w := range inbox {
		if w.kind == referred {
			r.fetching[sub] = w
			delete(inbox, sub)
		}
	}
	if len(r.fetching) > 0 {
		ring(r.fetchBell)
	}
	r.mu.Unlock()
	for _, w := range inbox {
		if reading, err := r.reading(w); err == nil {
			r.h.handler.Reading(reading)
		}
	}
}
