package transport

import (
	"context"
	"crypto/rand"
	"time"
)

// Probe makes one real round trip from the hub to a stream of each shard and returns when all have come through, or with ctx's error.
func (h *Hub) Probe(ctx context.Context) error {
	topic := "\x00probe " + rand.Text() // no feed can have this name, nor another probe
	defer h.Drop(topic)
	ears := make([]*ear, 0, len(h.shards))
	for _, sh := range h.shards {
		e, err := sh.listen(topic)
		if err != nil {
			return err
		}
		defer e.end()
		ears = append(ears, e)
	}
	h.Put(NewUpdate(topic, time.Now().UnixMicro(), 0, probe{}))
	for _, e := range ears {
		if err := e.hear(ctx); err != nil {
			return err
		}
	}
	return nil
}

type probe struct{}

func (probe) Encode(Format, bool) []byte { return []byte("{}") }

// ear is a stream without a socket, which nobody counts. It says when its shard has written to it.
type ear struct {
	s     *Session
	heard chan struct{} // size 1: it has
	over  chan struct{} // closed when the stream has ended
}

// listen opens a stream on a topic in the shard. Who does must end it.
func (sh *shard) listen(topic string) (*ear, error) {
	s, err := sh.hub.openIn(sh, Opening{Topics: []string{topic}}, "")
	if err != nil {
		return nil, err
	}
	e := &ear{s: s, heard: make(chan struct{}, 1), over: make(chan struct{})}
	sh.mu.Lock()
	s.attach(&stream{s: s, out: e, ended: func(error) { close(e.over) }}, wsPlain)
	s.state = idle
	cause := s.cause
	sh.mu.Unlock()
	if cause != nil { // the hub has closed meanwhile
		s.End(cause)
	}
	return e, nil
}

// hear waits until the shard has written.
func (e *ear) hear(ctx context.Context) error {
	select {
	case <-e.heard:
		return nil
	case <-e.over:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

// end ends the stream and waits until nothing of it is left in the hub.
func (e *ear) end() {
	e.s.End(ErrClosed)
	<-e.over
	e.s.Close()
}

// Try is the sound.
func (e *ear) Try([]byte) (bool, error) {
	select {
	case e.heard <- struct{}{}:
	default:
	}
	return false, nil
}

// The rest of an outlet has nothing to do.
func (*ear) Write([]byte) error                      { return nil }
func (*ear) Beat(time.Time) (bool, error)            { return false, nil }
func (*ear) Receive(func([]byte) error, func(error)) {}
func (*ear) Stop()                                   {}
func (*ear) CloseNow()                               {}
