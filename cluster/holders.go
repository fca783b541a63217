package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hazelcast/hazelcast-go-client/types"
)

// The map channels holds who has which end, for a day and a minute: a registration ends before its entry does. Entries of dead nodes stay
// until then, or until somebody wants the end.

// put writes r where nobody stands, and returns who does.
func (f *far) put(ctx context.Context, r *Registration) (holder seat, err error) {
	err = f.h.do(ctx, func(ctx context.Context, l *link) error {
		value, err := l.channels.PutIfAbsentWithTTL(ctx, r.end.String(), r.seat().String(), ChannelLife+time.Minute)
		holder = parseSeat(value)
		return err
	})
	if err == nil || errors.Is(err, errAlone) {
		return holder, err
	}
	again := f.h.do(ctx, func(ctx context.Context, l *link) error { // it may stand there all the same
		value, err := l.channels.Get(ctx, r.end.String())
		holder = parseSeat(value)
		return err
	})
	if again == nil && holder == (seat{}) {
		again = err
	}
	return holder, again
}

// oust takes who does not answer out of the map and tells him.
func (f *far) oust(ctx context.Context, r *Registration, holder seat) error {
	err := f.h.do(ctx, func(ctx context.Context, l *link) error {
		_, err := l.channels.RemoveIfSame(ctx, r.end.String(), holder.String())
		return err
	})
	f.relay.tell(parcel{kind: kindReplaced, to: holder, from: r.seat()})
	return err
}

// free takes r out of the map.
func (f *far) free(ctx context.Context, r *Registration) error {
	return f.h.do(ctx, func(ctx context.Context, l *link) error {
		_, err := l.channels.RemoveIfSame(ctx, r.end.String(), r.seat().String())
		return err
	})
}

// release is free for one whose connection ended. What could not be taken out answers nobody.
func (f *far) release(r *Registration) { _ = f.free(f.life, r) }

// lookUp returns who holds the ends with these keys.
func (f *far) lookUp(ctx context.Context, keys []string) (map[string]seat, error) {
	names := make([]any, len(keys))
	for i, key := range keys {
		names[i] = key
	}
	holders := make(map[string]seat, len(keys))
	err := f.h.do(ctx, func(ctx context.Context, l *link) (err error) {
		var entries []types.Entry
		entries, err = l.channels.GetAll(ctx, names...)
		for _, kv := range entries {
			if key, ok := kv.Key.(string); ok {
				holders[key] = parseSeat(kv.Value)
			}
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look up %d ends: %w", len(keys), err)
	}
	return holders, nil
}
