package dashboard

import (
	"cmp"
	"context"
	"net/http"
	"regexp"
	"runtime/debug"
	"sync"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/igm/sockjs-go/v3/sockjs"

	"github.com/pulsewall/pulsewall/transport"
	"github.com/pulsewall/pulsewall/transport/wsconn"
)

const (
	sockJSPath = "/sockjs"
	sockJSRoom = "sockjs"
	// sockJSBeat is the longest silence of a stream.
	sockJSBeat = 15 * time.Second
	// sockJSGone is how long a client that polls may be between two polls.
	sockJSGone = 5 * time.Second
	// sockJSStream is after how many bytes a stream is begun anew: browsers keep all that a response brought.
	sockJSStream = 128 << 10
	// sockJSFailed is the close code of a mistake of this program.
	sockJSFailed = 1011
)

// sockJS is the room for SockJS clients. The library serves what they hear by over HTTP. What they post, and WebSockets, with SockJS's frames
// or raw, are served as all else is here: the library bounds neither what a client sends at once nor how long one may be silent. Transports in an iframe there
// are none: they need pages here that scripts of other sites talk to.
type sockJS struct {
	d   *Dashboard
	lib *sockjs.Handler

	mu    sync.Mutex
	calls map[string]*sockJSCall // guarded by mu; by the name that the client gave its session
}

func newSockJS(d *Dashboard) *sockJS {
	s := &sockJS{d: d, calls: make(map[string]*sockJSCall)}
	s.lib = sockjs.NewHandler(sockJSPath, sockjs.Options{
		Websocket:       true, // as clients are told
		DisableHtmlFile: true,
		HeartbeatDelay:  sockJSBeat,
		DisconnectDelay: sockJSGone,
		ResponseLimit:   sockJSStream,
		CheckOrigin:     func(*http.Request) bool { return false }, // credentialed and share have said all
	}, s.serve)
	return s
}

// routes are the addresses of SockJS that there are.
func (s *sockJS) routes(r chi.Router) {
	const session = sockJSPath + "/{server}/{session}"
	r.Use(s.credentialed)
	r.Get(sockJSPath, s.getDoor)
	r.Get(sockJSPath+"/", s.lib.ServeHTTP)
	r.Get(sockJSPath+"/info", s.lib.ServeHTTP)
	r.Get(sockJSPath+"/websocket", s.getRaw)
	r.Get(session+"/websocket", s.getSocket)
	r.Post(session+"/xhr", s.receive)
	r.Post(session+"/xhr_streaming", s.receive)
	r.Get(session+"/eventsource", s.receive)
	r.Get(session+"/jsonp", s.receive)
	r.Post(session+"/xhr_send", s.postTexts)
	r.Post(session+"/jsonp_send", s.postTexts)
}

// getDoor joins the room by a plain WebSocket, and greets all others as SockJS's clients and their tests expect.
func (s *sockJS) getDoor(w http.ResponseWriter, r *http.Request) {
	if isHandshake(r) {
		s.getRaw(w, r)
		return
	}
	s.lib.ServeHTTP(w, r)
}

// credentialed lets pages of the origins that were configured read what they ask for with their cookies, as SockJS's clients do, which
// may hold a token.
func (s *sockJS) credentialed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if w.Header().Get("Access-Control-Allow-Origin") != "" {
			w.Header().Set("Access-Control-Allow-Credentials", "true")
		}
		next.ServeHTTP(w, r)
	})
}

// What the library can tell apart, and what it takes as the name of a function in JSONP.
var (
	sockJSName     = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
	sockJSCallback = regexp.MustCompile(`^[A-Za-z0-9_.]{1,64}$`)
)

// check refuses requests of other sites' pages, and names of sessions that cannot be any.
func (s *sockJS) check(r *http.Request) error {
	for _, part := range []string{"server", "session"} {
		if name := chi.URLParam(r, part); !sockJSName.MatchString(name) {
			return refuse(http.StatusBadRequest, "%s %q: allowed are 1–64 of A–Z a–z 0–9 _ -", part, clip(name))
		}
	}
	return s.d.checkOrigin(r)
}

// serve is called by the library for each session, on a goroutine that ends with it.
func (s *sockJS) serve(session sockjs.Session) {
	c := s.find(session.ID())
	if c == nil || !c.claim() { // it has ended, and the client goes on under the same name
		_ = session.Close(wsconn.GoingAway, "")
		return
	}
	err := errPanicked
	defer func() {
		if p := recover(); p != nil {
			s.d.log.Error("panic", "room", sockJSRoom, "panic", p, "stack", string(debug.Stack()))
		}
		s.end(c, err)
	}()
	ctx, cancel := context.WithCancelCause(c.ctx)
	defer cancel(nil)
	defer context.AfterFunc(session.Context(), func() { cancel(context.Canceled) })()
	c.send = session.Send
	c.talker.give = c.give
	c.talker.bye = func(err error) {
		code, reason := goodbye(err)
		late := time.AfterFunc(partingWithin, c.cut)
		defer late.Stop()
		_ = session.Close(uint32(cmp.Or(code, sockJSFailed)), reason) // who has gone needs no word
	}
	err = c.talker.stay(ctx, c.next)
}

func (s *sockJS) find(name string) *sockJSCall {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[name]
}

// begin returns the call of a session's name and makes it, if there is none, of who the query says it is.
func (s *sockJS) begin(r *http.Request, name string) (*sockJSCall, error) {
	if c := s.find(name); c != nil {
		return c, c.isOf(r)
	}
	c, err := s.take(r, name)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	other := s.calls[name]
	if other == nil {
		s.calls[name] = c
	}
	s.mu.Unlock()
	if other != nil { // another request of it was faster
		c.leave(nil)
		return other, other.isOf(r)
	}
	return c, nil
}

// take lets in a client by the rules for all that stay.
func (s *sockJS) take(r *http.Request, name string) (_ *sockJSCall, err error) {
	v, err := sockJSVisit(r)
	if err != nil {
		return nil, err
	}
	d := s.d
	if d.hub.Draining() {
		return nil, errLeaving
	}
	visit, stay, err := d.admit(r.WithContext(context.WithoutCancel(r.Context())), v) // it stays for longer than this request
	if err != nil {
		return nil, err
	}
	g, err := d.takeIn(visit.Context(), v, sockJSRoom, stay.from) //nolint:contextcheck // it outlasts this request
	if err != nil {
		stay.leave(err)
		return nil, err
	}
	c := &sockJSCall{
		name: name, talker: g, ctx: visit.Context(), drained: make(chan struct{}), said: make(chan string), turn: make(chan struct{}, 1),
	}
	c.leave = func(err error) {
		g.follower.Close()
		stay.leave(err)
	}
	return c, nil
}

// end takes a call out of the room. It may be called again. Who polls hears of it by the next poll, for which the name is kept as long as the
// library keeps its session.
func (s *sockJS) end(c *sockJSCall, err error) {
	c.leave(err)
	if c.isOpened() {
		time.AfterFunc(sockJSGone, func() { s.forget(c) })
		return
	}
	s.forget(c)
}

func (s *sockJS) forget(c *sockJSCall) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.calls[c.name] == c {
		delete(s.calls, c.name)
	}
}

// sockJSVisit is who the query of an address says comes to the room.
func sockJSVisit(r *http.Request) (*Visit, error) {
	q, err := parseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, err
	}
	v := &Visit{Transport: transport.SockJS, Rooms: []string{sockJSRoom}}
	v.UnionID, v.Name, err = who(r.Context(), q)
	return v, err
}
