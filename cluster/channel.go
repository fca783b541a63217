package cluster

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

var (
	// ErrTaken reports an end of a channel whose holder is there.
	ErrTaken = errors.New("cluster: the end of the channel is taken")
	// ErrReplaced ends a registration: a newcomer has the end now, after this holder did not answer him.
	ErrReplaced = errors.New("cluster: another connection has taken the end of the channel over")
	// ErrExpired ends a registration that has lived for [ChannelLife].
	ErrExpired = errors.New("cluster: the registration of the end of the channel is a day old")
	// ErrReleased ends a registration that was given up with Close, or whose node ended.
	ErrReleased = errors.New("cluster: the end of the channel was given up")
)

const (
	// MaxFrame is how many bytes a frame of a channel may have.
	MaxFrame = 10 << 10
	// MaxBehind is how many frames may be under way to an end and wait there.
	MaxBehind = 64
	// ChannelLife is how long an end may be registered.
	ChannelLife = 24 * time.Hour
	// AnswerWithin is how long the holder of an end may take to answer when a newcomer wants it.
	AnswerWithin = 2 * time.Second
)

const (
	// patience is how long a frame may hold up its sender while the other end has MaxBehind to take. Whoever sends more than goes is
	// slowed down by it to what goes; only when nothing moves for so long, frames are dropped, then without waiting.
	patience = 2 * time.Second
	// seekPatience is how long it may while the other end is looked for.
	seekPatience = 200 * time.Millisecond
	// tryAgain is how often one frame is sent to an end that takes nothing, to see whether it does again.
	tryAgain = 250 * time.Millisecond
	// seekAgain is how often an end that is not there is looked for, while frames come for it.
	seekAgain = 500 * time.Millisecond
)

// End names one of the two ends of a channel.
type End struct {
	Channel string // 32 word characters
	Type    string // "app" or "web"
}

// Other is the end that it talks to.
func (e End) Other() End {
	if e.Type == "app" {
		return End{e.Channel, "web"}
	}
	return End{e.Channel, "app"}
}

// String is the end's key in the cluster.
func (e End) String() string { return e.Channel + "/" + e.Type }

// Registration is one connection's hold of an end of a channel. The caller must Close it.
//
// Frames carry numbers that count up. What arrives with one that is not above the last is dropped, so that frames come in order and none
// twice, whatever way they took; a gap is counted as lost. A frame goes by link while there is one to the node of the other end, else by
// topic. From a topic to a new link it changes only when all that went before has been taken; from a broken link to the topic at once, and
// what was in the link is lost, or dropped when it comes late.
type Registration struct {
	relay   *relay
	end     End
	number  int64
	ping    func(context.Context) error
	expiry  *time.Timer
	seated  atomic.Bool   // no other node has the end
	sending atomic.Int32  // calls of Send
	moved   chan struct{} // size 1: the other end is known, or has taken something
	came    chan struct{} // size 1: something is in the queue
	over    chan struct{} // closed when the registration has ended

	mu  sync.Mutex
	why error   // it has ended; guarded by mu, like all below
	out outward // to the other end
	in  inward  // from it
}

// Send passes a frame on, of [MaxFrame] bytes at most, which must not be changed afterwards. What cannot go is dropped and counted. It
// waits 2 s at most. One goroutine may call it at a time.
func (r *Registration) Send(data []byte) {
	r.sending.Add(1)
	defer r.sending.Add(-1)
	limit := time.NewTimer(patience)
	defer limit.Stop()
	expired := limit.C
	for waited := false; ; {
		verdict, way, p := r.next(waited)
		switch verdict {
		case pass, try:
			p.body = data
			if verdict == try {
				expired = nil
			}
			if !r.relay.pass(way, p, expired) {
				r.clogged()
			}
			return
		case search:
			r.relay.seek(r)
		case hold:
			select {
			case <-r.moved:
			case <-r.over:
				return
			case <-expired:
				waited, expired = true, nil
			}
		default:
			r.relay.traffic.drop(verdict)
			return
		}
	}
}

// Receive returns the frames that wait for this end, in order, when there are some. Asking for more says that those before have been
// taken. One goroutine may call it. Errors are ErrReplaced, ErrExpired, ErrReleased, and ctx's.
func (r *Registration) Receive(ctx context.Context) ([][]byte, error) {
	for {
		frames, ack, err := r.take()
		if ack != nil {
			r.relay.tell(*ack)
		}
		if err != nil || len(frames) > 0 {
			return frames, err
		}
		select {
		case <-r.came:
		case <-r.over:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Close gives the end up. It takes a second at most.
func (r *Registration) Close() {
	r.finish(ErrReleased)
	r.relay.release(r)
}

// finish ends the registration, once.
func (r *Registration) finish(why error) {
	r.mu.Lock()
	first := r.why == nil
	if first {
		r.why = why
		r.in.queue = nil
		close(r.over)
	}
	r.mu.Unlock()
	if first {
		r.expiry.Stop()
		r.relay.remove(r)
	}
}

// seat is where it is.
func (r *Registration) seat() seat { return seat{r.relay.self, r.number} }
