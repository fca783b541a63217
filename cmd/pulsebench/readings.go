//go:build unix

package main

import (
	"context"
	"encoding/json"
	"sync"
	"sync/atomic"
	"time"
)

// crossing finds how long readings were under way from the node that polled them to a client of the other. A version is
// the time, in microseconds, at which its poll had ended, and all of this runs on one clock. Which node polled is not told;
// clients of both watch, and the one that has a reading later is that of the other node; were it once the same node's, that
// would be no less.
type crossing struct {
	took chan time.Duration
	size atomic.Int64 // of the last, in bytes

	mu    sync.Mutex
	first map[string]int64 // the version that one client has, by subscription; guarded by mu
}

// note takes a reading that a client has received.
func (c *crossing) note(e event) {
	var r struct {
		Sub     string
		Version int64
		Status  string
	}
	if e.Event != "reading" || json.Unmarshal(e.Data, &r) != nil || r.Status != "ok" {
		return
	}
	c.mu.Lock()
	crossed := c.first[r.Sub] == r.Version
	c.first[r.Sub] = r.Version
	c.mu.Unlock()
	if crossed {
		c.size.Store(int64(len(e.Data)))
		select {
		case c.took <- e.at.Sub(time.UnixMicro(r.Version)):
		default: // it is not the round of readings
		}
	}
}

// readings measures from the end of a poll on one node until a client of the other has the reading.
func (b hopBench) readings(ctx context.Context) (comparison, error) {
	c := &crossing{took: make(chan time.Duration, b.Messages), first: make(map[string]int64)}
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	var watching sync.WaitGroup
	defer watching.Wait()
	var clients []*stream
	for _, n := range []*node{b.from, b.to} {
		client, err := dial(n.addr, "")
		if err != nil {
			return comparison{}, err
		}
		defer client.close()
		clients = append(clients, client)
		watching.Go(func() { client.watch(fail, c.note) })
	}
	if err := watchAll(ctx, b.Feeds, clients); err != nil {
		return comparison{}, err
	}
	by := beside{rate: b.Feeds, count: min(b.Messages, roundOfReadings*b.Feeds), size: func() int { return int(c.size.Load()) }}
	return b.rounds(ctx, "reading", by, nil, func() ([]time.Duration, error) { return gather(ctx, c.took, by.count) })
}

// watchAll has the clients watch the feeds, so that these are polled one after the other: a poll starts one interval after
// the last one started.
func watchAll(ctx context.Context, feeds int, clients []*stream) error {
	for i := range feeds {
		for _, client := range clients {
			if err := client.subscribe(feedName(i) + "/-/1/10"); err != nil {
				return err
			}
		}
		if err := sleep(ctx, time.Second/time.Duration(feeds)); err != nil {
			return err
		}
	}
	return nil
}

// roundOfReadings is how many readings of each feed, a second apart, one round takes at most.
const roundOfReadings = 8
