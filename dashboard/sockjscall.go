package dashboard

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/go-chi/chi/v5"
)

const (
	// mostHeld bounds what the library keeps for a client that is between two polls, in bytes. What is more stays in the log.
	mostHeld = 64 << 10
	// mostUnderWay is how many requests of a session may wait at a time; SockJS's client has one to hear by, and one to speak by.
	mostUnderWay = 6
	// busyFor is how long the library may take to notice that a response has ended: until then it takes the next one for a second. It
	// is asked again after busyAgain, and after twice that each time.
	busyFor, busyAgain = time.Second, time.Millisecond
)

// sockJSCall is one SockJS session over HTTP: a talker that receives by one response after the other, and speaks by posts.
type sockJSCall struct {
	name   string
	talker *talker
	ctx    context.Context         // of the visit
	leave  func(error)             // ends the visit; it may be called again
	send   func(text string) error // has the library write it
	said   chan string             // size 0: from a post to the talker
	turn   chan struct{}           // size 1: a post is read

	mu       sync.Mutex
	claimed  bool          // guarded by mu: the library has begun to serve it
	underWay int           // guarded by mu: requests
	opened   bool          // guarded by mu: the client was told that it is in, so the library serves the session
	held     int           // guarded by mu: bytes given to the library since it last wrote
	drained  chan struct{} // guarded by mu: closed, and another one, when it writes
	pipe     *sockJSPipe   // guarded by mu: the response that the library writes to; nil: none
}

// claim reports whether the library may begin to serve it: once.
func (c *sockJSCall) claim() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	first := !c.claimed
	c.claimed = true
	return first
}

// isOpened says whether the client was told that it is in.
func (c *sockJSCall) isOpened() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.opened
}

// enter counts one more request, unless there are too many.
func (c *sockJSCall) enter() (leave func(), err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.underWay >= mostUnderWay {
		return nil, refuse(http.StatusTooManyRequests, "%d requests of this session are waiting: no more are allowed", c.underWay).after(time.Second)
	}
	c.underWay++
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.underWay--
	}, nil
}

// give hands a text to the library, when that does not hold too much already.
func (c *sockJSCall) give(ctx context.Context, text string) error {
	for {
		c.mu.Lock()
		room, drained := c.held == 0 || c.held+len(text) <= mostHeld, c.drained
		if room {
			c.held += len(text)
		}
		c.mu.Unlock()
		if room {
			break
		}
		select {
		case <-drained:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	defer cutLate(ctx, c.cut)()
	return c.send(text)
}

// say reads what a request says, and returns when the talker has heard all of it. One request at a time is read: the texts of those behind
// it come after its own, and take no memory until then.
func (c *sockJSCall) say(w http.ResponseWriter, r *http.Request) error {
	leave, err := c.enter()
	if err != nil {
		return err
	}
	defer leave()
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-c.ctx.Done():
		return noSession(c.name)
	}
	texts, err := readTexts(r)
	if err != nil {
		return err
	}
	bodyRead(w)
	for _, text := range texts { // also of a page that has been left since
		select {
		case c.said <- text:
		case <-c.ctx.Done():
			return noSession(c.name)
		}
	}
	return nil
}

// next is what the client says next.
func (c *sockJSCall) next(ctx context.Context) (string, error) {
	select {
	case text := <-c.said:
		return text, nil
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

// writes notes that the library writes a frame to p.
func (c *sockJSCall) writes(p *sockJSPipe) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pipe = p
}

// wrote notes what the library wrote by its frame: with an array goes everything that it held.
func (c *sockJSCall) wrote(frame byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch frame {
	case 'o':
		c.opened = true
	case 'a':
		c.held = 0
		close(c.drained)
		c.drained = make(chan struct{})
	}
}

// done notes that p is over.
func (c *sockJSCall) done(p *sockJSPipe) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pipe == p {
		c.pipe = nil
	}
}

// cut ends the response that is under way.
func (c *sockJSCall) cut() {
	c.mu.Lock()
	defer c.mu.Unlock() // so that it is still under way
	if c.pipe != nil {
		c.pipe.cut()
	}
}

// receive serves a response by which a client hears: a stream, or a poll.
func (s *sockJS) receive(w http.ResponseWriter, r *http.Request) {
	opening, err := s.frameOpening(r)
	if err == nil {
		err = s.check(r)
	}
	var c *sockJSCall
	if err == nil {
		_, _ = io.Copy(io.Discard, r.Body) // it has none to speak of, and its deadline is none of the response
		bodyRead(w)
		c, err = s.begin(r, chi.URLParam(r, "session"))
	}
	var leave func()
	if err == nil {
		leave, err = c.enter()
	}
	if err != nil {
		s.d.refuseProgram(w, r, err)
		return
	}
	defer leave()
	s.hear(w, r, c, opening)
	if !c.isOpened() { // the library has no session for it
		s.end(c, nil)
	}
}

// hear has the library write to w, in frames that begin with opening, until that is over.
func (s *sockJS) hear(w http.ResponseWriter, r *http.Request, c *sockJSCall, opening string) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	p := newSockJSPipe(w, c, cancel)
	p.opening = opening
	defer c.done(p)
	w.Header().Set("X-Accel-Buffering", "no")
	began := time.Now()
	for pause, again := busyAgain, true; again; pause *= 2 {
		p.patient = time.Since(began) < busyFor
		s.lib.ServeHTTP(p, r.WithContext(ctx))
		again = p.repeats(ctx, pause)
	}
}

// frameOpening is what stands before each frame on the transport of a request.
func (s *sockJS) frameOpening(r *http.Request) (string, error) {
	switch {
	case strings.HasSuffix(r.URL.Path, "/eventsource"):
		return "data: ", nil
	case strings.HasSuffix(r.URL.Path, "/jsonp"):
		q, err := parseQuery(r.URL.RawQuery)
		if err != nil {
			return "", err
		}
		if name := q.Get("c"); !sockJSCallback.MatchString(name) {
			return "", refuse(http.StatusBadRequest, "c %q: want the name of a function, 1–64 of A–Z a–z 0–9 _ .", clip(name))
		}
		return q.Get("c") + `("`, nil
	}
	return "", nil
}

// postTexts takes what a client says.
func (s *sockJS) postTexts(w http.ResponseWriter, r *http.Request) {
	if err := s.check(r); err != nil {
		s.d.refuseProgram(w, r, err)
		return
	}
	name := chi.URLParam(r, "session")
	c := s.find(name)
	if c == nil {
		s.d.refuseProgram(w, r, noSession(name))
		return
	}
	err := c.isOf(r)
	if err == nil {
		err = c.say(w, r)
	}
	if err != nil {
		s.d.refuseProgram(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=UTF-8")
	if !isJSONP(r) {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	// It answers a form of another site's page, and is put into a frame there.
	w.Header().Set("Content-Security-Policy", "default-src 'none'; sandbox")
	w.Header().Del("X-Frame-Options")
	_, _ = io.WriteString(w, "ok") // who went away needs no answer
}

// noSession refuses what is for a session that is not here.
func noSession(name string) error {
	return refuse(http.StatusNotFound, "session %q: it has ended, or it is at another node; balancers must give all requests of "+
		"%s/{server}/{session}/ to one node", clip(name), sockJSPath)
}

// readTexts returns the body, or for JSONP the field d of a form, that is an array of strings. No other client says what its body is.
func readTexts(r *http.Request) (texts []string, err error) {
	body, err := readBody(r)
	if err != nil {
		return nil, err
	}
	if isJSONP(r) && isForm(r) {
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return nil, refuse(http.StatusBadRequest, "the form cannot be read: %s", clip(err.Error()))
		}
		body = []byte(form.Get("d"))
	}
	var said []*string // null would be an empty string
	if err := json.Unmarshal(body, &said); err != nil || said == nil || slices.Contains(said, nil) || !utf8.Valid(body) {
		return nil, refuse(http.StatusBadRequest, `%q: want a JSON array of strings in UTF-8, for example ["hello"]`, clip(string(body)))
	}
	for _, text := range said {
		texts = append(texts, *text)
	}
	return texts, nil
}

// isJSONP says whether a client of JSONP speaks by r, with a form or with the texts themselves.
func isJSONP(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/jsonp_send") }
