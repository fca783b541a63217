package cluster

import (
	"context"
	"maps"
	"slices"
)

// seek has the other end of r looked up soon.
func (f *far) seek(r *Registration) {
	f.mu.Lock()
	f.sought[r] = struct{}{}
	f.mu.Unlock()
	ring(f.seeks)
}

// greet looks the other end of r up and tells it of r, before frames go.
func (f *far) greet(ctx context.Context, r *Registration) {
	key := r.end.Other().String()
	holders, _ := f.lookUp(ctx, []string{key}) // without an answer nobody is found
	at := f.known(holders[key])
	r.found(at)
	if at != (seat{}) {
		f.ask(ctx, parcel{kind: kindHere, to: at, from: r.seat()}, greetWithin)
	}
}

// known is a holder as the map has it, unless he is gone; entries there outlive what is remembered of nodes that died. Of its own ends
// this node knows better, and who has just begun tells of himself.
func (f *far) known(at seat) seat {
	if at.incarnation == f.h.incarnation || f.h.nodes.unheard(at.incarnation) || f.h.nodes.gone(at.incarnation) {
		return seat{}
	}
	return at
}

// find looks up, many at a time, who is looked for, until ctx ends. Who is found is told where he is looked for from.
func (f *far) find(ctx context.Context) {
	for {
		select {
		case <-f.seeks:
		case <-ctx.Done():
			return
		}
		f.mu.Lock()
		list := slices.Collect(maps.Keys(f.sought))
		clear(f.sought)
		f.mu.Unlock()
		for some := range slices.Chunk(list, keysAtOnce) {
			keys := make([]string, len(some))
			for i, r := range some {
				keys[i] = r.end.Other().String()
			}
			holders, _ := f.lookUp(ctx, keys) // without an answer nobody is found
			for i, r := range some {
				at := f.known(holders[keys[i]])
				r.found(at)
				if at != (seat{}) {
					f.relay.tell(parcel{kind: kindHere, to: at, from: r.seat()})
				}
			}
		}
	}
}
