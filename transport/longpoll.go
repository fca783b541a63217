package transport

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/pulsewall/pulsewall/transport/wsconn"
)

// ServePoll answers once: at once with hello when o has no cursor, at once when wait is 0, else when something is newer than the
// cursor or wait has passed. The caller has checked o.
func (h *Hub) ServePoll(w http.ResponseWriter, r *http.Request, o Opening, wait time.Duration) error {
	s, err := h.admit(r.Context(), o, LongPoll)
	if err != nil {
		return err
	}
	defer s.Close()
	var events []*event
	if o.After == "" && o.LastEventID == "" || wait <= 0 {
		wait = 0
		events = append(events, s.hello())
	}
	answer := newBody(w, r, h.opts.WriteTimeout)
	if err := ignoreUnsupported(answer.control.SetWriteDeadline(time.Time{})); err != nil { // of the server, shorter than the wait
		return err
	}
	defer s.endWith(r.Context())()
	own := s.await().ctx
	batch, err := s.poll(own, wait)
	if err != nil {
		return err
	}
	events = append(events, batch.events...)
	if len(events) > 0 && o.Presence { // it goes along, but is no reason to answer
		events = append(events, h.pollerNews(s)...)
	}
	defer answer.stopOn(own)()
	n, err := answer.write(own, pollBody(w.Header(), r, s.cursor(), events))
	if err != nil {
		if errors.Is(err, wsconn.ErrSlow) {
			h.count.slowCloses.Add(1)
		}
		return err
	}
	s.answered.Store(true)
	h.count.wrote(LongPoll, len(events), n)
	return ignoreUnsupported(answer.control.SetWriteDeadline(time.Time{})) // the next request on this connection has its own
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

// poll waits for something that is worth an answer.
func (s *Session) poll(ctx context.Context, wait time.Duration) (Batch, error) {
	if wait == 0 {
		return s.collect(), nil
	}
	return s.Next(ctx, time.Now().Add(wait))
}

// pollBody is the answer, with its headers set.
func pollBody(header http.Header, r *http.Request, cursor string, events []*event) []byte {
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
	if len(body) >= worthDeflating && acceptsGzip(r) {
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
