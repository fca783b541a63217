package dashboard

import (
	"context"
	"net/http"
	"net/netip"
	"runtime/debug"

	"github.com/go-chi/chi/v5"

	"github.com/pulsewall/pulsewall/transport"
)

// olderRoutes are the addresses of older clients that speak text.
func (d *Dashboard) olderRoutes(r chi.Router) {
	if d.serves(OlderMsg) {
		r.Get("/msg", d.getMsg)
	}
	if d.serves(OlderMessage) {
		r.Get("/message", d.getTexts)
	}
	if d.serves(OlderHello1) {
		r.Get("/index/hello1", d.hello1)
		r.Post("/index/hello1", d.hello1)
	}
}

// olderSocket is one WebSocket that speaks bare text.
type olderSocket struct {
	*transport.TextConn
	d     *Dashboard
	visit *Visit
	addr  netip.Addr // not valid where it is not known
}

// answerer says what a text of the client is answered with; nil: nothing.
type answerer func(ctx context.Context, text []byte) ([]byte, error)

// openOlder lets in a client of bare text. The query may say who it is. begin returns who answers its texts, and what is to be done when
// it has gone.
func (d *Dashboard) openOlder(w http.ResponseWriter, r *http.Request, v *Visit, begin func(context.Context, *olderSocket) (answerer, func())) {
	if err := checkHandshake(w, r); err != nil {
		d.refuse(w, r, err)
		return
	}
	q, err := parseQuery(r.URL.RawQuery)
	if err == nil {
		v.UnionID, v.Name, err = who(r.Context(), q)
	}
	if err != nil {
		d.refuse(w, r, err)
		return
	}
	address := r.URL.Path
	d.enter(w, r, v, func(r *http.Request) error {
		o := transport.Opening{UnionID: v.UnionID, Name: v.Name, Rooms: v.Rooms}
		return d.hub.ServeText(w, r, o, v.Transport, func(ctx context.Context, c *transport.TextConn) error {
			s := &olderSocket{TextConn: c, d: d, visit: v, addr: d.clientAddr(r)}
			answer, leave := begin(ctx, s)
			defer leave()
			return s.listen(ctx, address, answer)
		})
	})
}

// listen answers each text before it reads the next, until the connection ends.
func (s *olderSocket) listen(ctx context.Context, address string, answer answerer) error {
	for {
		text, err := s.Read()
		if err != nil {
			return err
		}
		said, err := s.ask(ctx, answer, text)
		if err != nil && ctx.Err() != nil { // the client is told why by the close code, and not what that did to its text
			return context.Cause(ctx)
		}
		s.d.metrics.said(address, err == nil)
		if err != nil {
			said = errorText(problem(err).Detail)
		}
		if said == nil {
			continue
		}
		if err := s.Say(said); err != nil {
			return err
		}
	}
}

// ask has a text answered. A panic is an error, and not the end of the program.
func (s *olderSocket) ask(ctx context.Context, answer answerer, text []byte) (said []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			s.d.log.Error("text panicked", "session", s.Session(), "panic", p, "stack", string(debug.Stack()))
			err = errFailed
		}
	}()
	return answer(ctx, text)
}

// errorText is how an older client is told what is wrong.
func errorText(detail string) []byte {
	b, err := marshal(map[string]string{"error": detail})
	if err != nil { // a string always can be
		return []byte(`{"error":""}`)
	}
	return b
}
