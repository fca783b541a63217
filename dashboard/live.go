package dashboard

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strings"

	"github.com/pulsewall/pulsewall/transport"
)

// live serves the live address by what the request's headers ask for.
func (d *Dashboard) live(w http.ResponseWriter, r *http.Request) {
	switch {
	case isHandshake(r):
		d.liveSocket(w, r)
	case accepts(r, "text/event-stream"):
		d.liveEvents(w, r)
	default:
		d.livePoll(w, r)
	}
}

func (d *Dashboard) liveSocket(w http.ResponseWriter, r *http.Request) {
	if err := checkHandshake(w, r); err != nil {
		d.refuse(w, r, err)
		return
	}
	d.open(w, r, transport.WebSocket, func(r *http.Request, o *wish, s *stay) (*transport.Session, error) {
		return d.hub.ServeWebSocket(w, r, o.Opening, d.ops(s), s.ended)
	})
}

func (d *Dashboard) liveEvents(w http.ResponseWriter, r *http.Request) {
	d.open(w, r, transport.SSE, func(r *http.Request, o *wish, s *stay) (*transport.Session, error) {
		return d.hub.ServeSSE(w, r, o.Opening, s.ended)
	})
}

func (d *Dashboard) livePoll(w http.ResponseWriter, r *http.Request) {
	d.open(w, r, transport.LongPoll, func(r *http.Request, o *wish, s *stay) (*transport.Session, error) {
		return d.hub.ServePoll(w, r, o.Opening, o.wait, s.ended)
	})
}

// server serves a client that was let in. What it returns, and has ended told, is as with Hub.ServeWebSocket.
type server func(r *http.Request, o *wish, s *stay) (*transport.Session, error)

// open does what is alike on all transports: it reads the query, lets the client in, watches what is asked for, serves, and lets go of it.
func (d *Dashboard) open(w http.ResponseWriter, r *http.Request, kind transport.Kind, serve server) {
	if err := d.checkOrigin(r); err != nil { // before all else: pages of other sites can read this refusal and no other
		d.refuse(w, r, err)
		return
	}
	o, err := d.wish(r)
	if err != nil {
		d.refuse(w, r, err)
		return
	}
	v := &Visit{
		Transport: kind, Session: o.Session, UnionID: o.UnionID, Name: o.Name,
		Subs: slices.Clone(o.subs), Rooms: slices.Clone(o.Rooms),
	}
	d.letIn(w, r, v, func(r *http.Request, s *stay) error {
		if err := o.as(d, v); err != nil {
			return err
		}
		v.keep(d.opts.Admit != nil || d.opts.Left != nil)
		for _, sub := range o.subs {
			if err := s.watch(sub); err != nil {
				return err
			}
		}
		d.forgetOld(o.subs)
		if kind == transport.LongPoll && o.After == "" && o.LastEventID == "" {
			readings, _ := d.newest(r.Context(), o.subs) // the first ones, or 2 s; what is refused was refused by watch
			d.putMissing(readings)
		}
		session, err := serve(r, o, s)
		if session != nil {
			v.outlives(session)
		}
		return err
	})
}

// isHandshake says whether r wants a WebSocket, or did before a proxy ate its Upgrade.
func isHandshake(r *http.Request) bool {
	return r.Header.Get("Sec-WebSocket-Key") != "" || hasToken(r.Header, "Upgrade", "websocket")
}

// checkHandshake says whether r can become a WebSocket (RFC 6455, 4.2.1).
func checkHandshake(w http.ResponseWriter, r *http.Request) error {
	if r.ProtoMajor != 1 || !hasToken(r.Header, "Upgrade", "websocket") || !hasToken(r.Header, "Connection", "upgrade") {
		wantUpgrade(w, r)
		return refuse(http.StatusUpgradeRequired, "this is no WebSocket handshake: Upgrade is %q and Connection %q over %s. "+
			"A proxy on the way may have taken them; in nginx the location then lacks: "+
			"proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection \"upgrade\"; "+
			"(the same address works as an event stream, with Accept: text/event-stream, and as a long poll)",
			clip(r.Header.Get("Upgrade")), clip(r.Header.Get("Connection")), r.Proto)
	}
	if v := r.Header.Get("Sec-WebSocket-Version"); v != "13" {
		wantUpgrade(w, r)
		w.Header().Set("Sec-WebSocket-Version", "13")
		return refuse(http.StatusUpgradeRequired, "Sec-WebSocket-Version %q: want 13", clip(v))
	}
	keys := r.Header.Values("Sec-WebSocket-Key")
	if len(keys) != 1 {
		return refuse(http.StatusBadRequest, "%d Sec-WebSocket-Key headers: want one", len(keys))
	}
	if key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(keys[0])); err != nil || len(key) != 16 {
		return refuse(http.StatusBadRequest, "Sec-WebSocket-Key %q: want 16 bytes in base64", clip(keys[0]))
	}
	return nil
}

// wantUpgrade says what a 426 asks for (RFC 9110, 15.5.22). HTTP/2 has no such header.
func wantUpgrade(w http.ResponseWriter, r *http.Request) {
	if r.ProtoMajor == 1 {
		w.Header().Set("Upgrade", "websocket")
		w.Header().Set("Connection", "Upgrade")
	}
}

// hasToken says whether a header with a list of tokens holds one, in any case.
func hasToken(h http.Header, name, token string) bool {
	for _, line := range h.Values(name) {
		for t := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(t), token) {
				return true
			}
		}
	}
	return false
}
