package cluster

import (
	"context"
	"strings"

	"github.com/hazelcast/hazelcast-go-client/types"
)

// listen hears the topics where this node wants something and reports whether it does. What it no longer wants is dropped.
func (r *readings) listen(ctx context.Context) bool {
	l := r.h.link.Load()
	if l == nil {
		return false
	}
	if l != r.on {
		r.on = l
		r.heard = [readingTopics]bool{}
	}
	var want [readingTopics]bool
	r.mu.Lock()
	for sub := range r.wanted {
		want[topicOf(sub)] = true
	}
	r.mu.Unlock()
	good := true
	for topic, wanted := range want {
		if !wanted || r.heard[topic] {
			continue
		}
		err := r.h.do(ctx, func(ctx context.Context, l *link) error { return l.hear(ctx, l.topics[topic], r.hear) })
		r.heard[topic] = err == nil
		good = good && err == nil
	}
	return good
}

// catchUp reads the newest of everything wanted from the map if the connection was another since the last time.
func (r *readings) catchUp(ctx context.Context) {
	r.mu.Lock()
	stale := r.stale
	r.stale = false
	var keys []any
	if stale {
		for sub := range r.wanted {
			keys = append(keys, sub)
		}
	}
	r.mu.Unlock()
	for len(keys) > 0 {
		some := keys[:min(newestAtOnce, len(keys))]
		keys = keys[len(some):]
		var entries []types.Entry
		err := r.h.do(ctx, func(ctx context.Context, l *link) (err error) {
			entries, err = l.bulkReading.GetAll(ctx, some...)
			return err
		})
		if err != nil {
			r.mu.Lock()
			r.stale = true
			r.mu.Unlock()
			return
		}
		for _, kv := range entries {
			if reading, err := r.unpack(kv.Value); err == nil {
				reading.Kept = true
				r.h.handler.Reading(reading)
			}
		}
	}
}

// fetch gets large readings from the map until ctx ends, in a goroutine of its own so that small ones need not wait.
func (r *readings) fetch(ctx context.Context) {
	for {
		select {
		case <-r.fetchBell:
		case <-ctx.Done():
			return
		}
		r.mu.Lock()
		fetching := r.fetching
		r.fetching = make(map[string]wireReading)
		r.mu.Unlock()
		for sub := range fetching {
			var value any
			err := r.h.do(ctx, func(ctx context.Context, l *link) (err error) {
				value, err = l.bulkReading.Get(ctx, sub)
				return err
			})
			if err != nil {
				continue // the next version comes by itself
			}
			if reading, err := r.unpack(value); err == nil {
				r.h.handler.Reading(reading)
			}
		}
	}
}

// nodeOf returns the name of the node in an incarnation.
func nodeOf(incarnation string) string {
	return incarnation[:max(0, strings.LastIndexByte(incarnation, '#'))]
}
