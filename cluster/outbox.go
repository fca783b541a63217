package cluster

import (
	"context"
	"encoding/binary"
	"time"
)

// Sizes of an outbox. A frame holds up its sender when there is no room; words, which are small, do not fill theirs.
const (
	mostFrames = 256
	mostWords  = 4096
)

// outbox is what waits to go to another node by one way.
type outbox struct {
	frames chan []byte // size mostFrames
	words  chan []byte // size mostWords: everything but frames
	over   <-chan struct{}
}

// newOutbox returns one that takes nothing any more when over is closed.
func newOutbox(over <-chan struct{}) *outbox {
	return &outbox{frames: make(chan []byte, mostFrames), words: make(chan []byte, mostWords), over: over}
}

// put takes a parcel, or returns false when there is no room until limit says so.
func (o *outbox) put(p parcel, limit <-chan time.Time) bool {
	box := o.words
	if p.kind == kindFrame {
		box = o.frames
	}
	b := p.bytes()
	select {
	case <-o.over:
		return false
	default:
	}
	select {
	case box <- b:
		return true
	default:
	}
	if limit == nil {
		return false
	}
	select {
	case box <- b:
		return true
	case <-limit:
	case <-o.over:
	}
	return false
}

// pump sends what comes, several parcels at a time in batches of most bytes, until ctx ends or send fails.
func (o *outbox) pump(ctx context.Context, head frame, most int, send func([]byte) error) error {
	var next []byte
	for {
		if next == nil {
			select {
			case next = <-o.words:
			case next = <-o.frames:
			case <-ctx.Done():
				return nil
			}
		}
		batch := make([]byte, 0, max(most, len(head)+len(next)+binary.MaxVarintLen64))
		batch = append(batch, head...)
		for next != nil && (len(batch) == len(head) || len(batch)+len(next)+binary.MaxVarintLen64 <= most) {
			batch = append(binary.AppendUvarint(batch, uint64(len(next))), next...)
			next = o.more()
		}
		if err := send(batch); err != nil {
			return err
		}
	}
}

// more is what else waits; nil: nothing.
func (o *outbox) more() []byte {
	select {
	case b := <-o.words:
		return b
	default:
	}
	select {
	case b := <-o.frames:
		return b
	default:
		return nil
	}
}
