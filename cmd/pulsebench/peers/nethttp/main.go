// Nethttp sends server-sent events by the standard library alone, in the way that most Go programs do: the request's
// goroutine waits at a channel, writes and flushes.
package main

import (
	"net/http"
	"sync"

	"github.com/pulsewall/pulsewall/cmd/pulsebench/peers/serve"
)

// waiting is how many events may wait for a client: more than what is out at a time in the bench, and cheap.
const waiting = 64

type stream struct {
	events chan []byte
	slow   chan struct{} // closed when events was full
	once   sync.Once
}

type room struct {
	mu      sync.Mutex
	streams map[*stream]struct{} // guarded by mu
}

func main() {
	r := &room{streams: make(map[*stream]struct{})}
	serve.Main(serve.Peer{SSE: r, Publish: r.publish})
}

func (r *room) publish(payload []byte) error {
	event := make([]byte, 0, len("data: \n\n")+len(payload)) // made once for all
	event = append(event, "data: "...)
	event = append(event, payload...)
	event = append(event, "\n\n"...)
	r.mu.Lock()
	defer r.mu.Unlock()
	for s := range r.streams {
		select {
		case s.events <- event:
		default:
			s.once.Do(func() { close(s.slow) })
		}
	}
	return nil
}

func (r *room) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	s := &stream{events: make(chan []byte, waiting), slow: make(chan struct{})}
	r.mu.Lock()
	r.streams[s] = struct{}{}
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		delete(r.streams, s)
		r.mu.Unlock()
	}()
	out := http.NewResponseController(w)
	if out.Flush() != nil { // with the head the client is there: from now on it gets everything
		return
	}
	for {
		select {
		case event := <-s.events:
			if _, err := w.Write(event); err != nil {
				return
			}
			if out.Flush() != nil {
				return
			}
		case <-s.slow:
			return
		case <-req.Context().Done():
			return
		}
	}
}
