package transport

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/pulsewall/pulsewall/transport/wsconn"
)

// ServePoll answers once: at once with hello when o has no cursor, at once when wait is 0, else when something is newer than the
// cursor or wait has passed. The caller has checked o. What it returns and what ended is told is as with ServeWebSocket: of a poll that waits over plain
// TCP the handler returns. One that is ended while it waits is answered 401 or 403, or 503 when the hub closes.
func (h *Hub) ServePoll(w http.ResponseWriter, r *http.Request, o Opening, wait time.Duration, ended func(error)) (*Session, error) {
	s, err := h.admit(r.Context(), o, LongPoll)
	if err != nil {
		return nil, err
	}
	detached := false
	defer func() {
		if !detached {
			s.Close()
		}
	}()
	var batch Batch
	if o.After == "" && o.LastEventID == "" || wait <= 0 {
		wait = 0
		batch.events = append(batch.events, s.hello())
	}
	defer s.endWith(r.Context())()
	now := s.collect()
	batch.events = append(batch.events, now.events...)
	if wait > 0 && len(batch.events) == 0 {
		until := time.Now().Add(wait)
		if detached, err = s.detachPoll(w, r, o, until, ended); detached {
			return s, nil
		}
		if err != nil {
			return nil, err
		}
		if err := ignoreUnsupported(http.NewResponseController(w).SetWriteDeadline(time.Time{})); err != nil { // of the server, shorter than the wait
			return nil, err
		}
		if batch, err = s.Next(s.await().ctx, until); err != nil {
			return nil, err
		}
	}
	if err := s.answerPoll(w, r, o, batch.events); err != nil {
		return nil, err
	}
	s.Close()
	ended(nil)
	return nil, nil
}

// answerPoll answers by net/http.
func (s *Session) answerPoll(w http.ResponseWriter, r *http.Request, o Opening, events []*event) error {
	events = s.withNews(o, events)
	answer := newBody(w, r, s.hub.opts.WriteTimeout)
	own := s.await().ctx
	defer answer.stopOn(own)()
	n, err := answer.write(own, pollBody(w.Header(), acceptsGzip(r), s.cursor(), events))
	if s.polled(len(events), n, err) != nil {
		return err
	}
	return ignoreUnsupported(answer.control.SetWriteDeadline(time.Time{})) // the next request on this connection has its own
}

// withNews adds what goes along, but is no reason to answer.
func (s *Session) withNews(o Opening, events []*event) []*event {
	if len(events) > 0 && o.Presence {
		return append(events, s.hub.pollerNews(s)...)
	}
	return events
}

// polled counts an answer.
func (s *Session) polled(events, bytes int, err error) error {
	switch {
	case err == nil:
		s.answered.Store(true)
		s.hub.count.wrote(LongPoll, events, bytes)
	case errors.Is(err, wsconn.ErrSlow):
		s.hub.count.slowCloses.Add(1)
	}
	return err
}

// detachPoll has a poll wait on a small goroutine instead of the handler's, with its connection taken over, where that is possible.
func (s *Session) detachPoll(w http.ResponseWriter, r *http.Request, o Opening, until time.Time, ended func(error)) (bool, error) {
	h := s.hub
	if !h.mayDetach(r) {
		return false, nil
	}
	p, err := newPollSocket(h, w, r)
	if errors.Is(err, errors.ErrUnsupported) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	presence := o.Presence
	h.poller().Go(func() {
		err := s.waitPoll(p, presence, until)
		s.depart()
		ended(err)
		s.Close()
		if err == nil {
			p.rest()
		}
	})
	return true, nil
}

// waitPoll answers when there is something, or at a time. A panic ends the poll, and not the program.
func (s *Session) waitPoll(p *pollSocket, presence bool, until time.Time) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("poll panicked: %v", r)
			s.hub.opts.Logger.Error("poll panicked", "session", s.id, "err", fmt.Sprint(r), "stack", string(debug.Stack()))
			p.close()
		}
	}()
	own, timeout := s.await().ctx, s.hub.opts.WriteTimeout
	p.await(func() { s.End(errGone) })
	batch, err := s.Next(own, until)
	p.settle()
	if err != nil {
		p.refuse(timeout, err)
		return err
	}
	if batch.last {
		p.header.Set("Connection", "close")
	}
	events := s.withNews(Opening{Presence: presence}, batch.events)
	body := pollBody(p.header, p.gzips, s.cursor(), events)
	return s.polled(len(events), len(body), p.answer(own, timeout, http.StatusOK, body))
}

// pollerNews is what of presence the poller has not been told in its answers before.
func (h *Hub) pollerNews(s *Session) []*event {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := h.roll.clients[s.id]
	if c == nil {
		return nil
	}
	news, _ := h.roll.news(s, &c.seen, time.Now())
	return news
}

// pollBody is the answer, with its headers set.
func pollBody(header http.Header, gzips bool, cursor string, events []*event) []byte {
	var b bytes.Buffer
	b.WriteString(`{"cursor":"`)
	b.WriteString(cursor)
	b.WriteString(`","events":[`)
	for i, e := range events {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(e.asObject())
	}
	b.WriteString("]}\n")
	setLiveHeaders(header)
	header.Set("Content-Type", "application/json")
	body := b.Bytes()
	if len(body) >= worthDeflating && gzips {
		header.Set("Content-Encoding", "gzip")
		var z bytes.Buffer
		zw := gzip.NewWriter(&z)
		_, _ = zw.Write(body) // a bytes.Buffer takes everything
		_ = zw.Close()
		body = z.Bytes()
	}
	header.Set("Content-Length", strconv.Itoa(len(body)))
	return body
}
