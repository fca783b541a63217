package assets_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/websocket"

	"github.com/pulsewall/pulsewall/assets"
)

// fake is a server that speaks PROTOCOL.md as far as the script needs it, and misbehaves on demand.
type fake struct {
	*httptest.Server

	mu        sync.Mutex
	changed   chan struct{}      // closed and replaced at each change
	messages  []string           // data, as JSON; the id of the first is e-1
	readings  map[string]reading // by subscription
	broken    map[string]string  // by transport: "silent", "gone" or a status
	opened    []string           // transports as they were opened, with their queries
	ops       []string           // what came up the streams
	cut       int                // streams opened before the last cut end
	code      int                // the close code of that end
	bye       int                // its retry in ms; -1: it comes without a bye
	deaf      bool               // nothing but hello is written, no op is answered
	heartbeat float64
}

// reading is one of the fake's: the fields of the event but sub.
type reading struct {
	Version int64          `json:"version"`
	At      time.Time      `json:"at"`
	Due     *time.Time     `json:"due,omitempty"`
	Status  string         `json:"status"`
	Reason  string         `json:"reason,omitempty"`
	Error   string         `json:"error,omitempty"`
	Since   *time.Time     `json:"since,omitempty"`
	HTML    string         `json:"html,omitempty"`
	Points  map[string]any `json:"points,omitempty"`
	Same    bool           `json:"same,omitempty"`
	Sub     string         `json:"sub"`
}

// place is how far a stream has been written to.
type place struct {
	Seq      int
	Versions map[string]int64
}

func newFake(t *testing.T) *fake {
	t.Helper()
	f := &fake{changed: make(chan struct{}), readings: make(map[string]reading), broken: make(map[string]string), heartbeat: 15}
	mux := http.NewServeMux()
	mux.Handle("/assets/", assets.Handler())
	mux.HandleFunc("/d/test", f.page)
	mux.HandleFunc("/other", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<!DOCTYPE html><title>other</title>") })
	mux.HandleFunc("/live/ws", f.guard("ws", func(w http.ResponseWriter, r *http.Request) {
		websocket.Server{Handler: f.ws}.ServeHTTP(w, r)
	}))
	mux.HandleFunc("/live/sse", f.guard("sse", f.sse))
	mux.HandleFunc("/live/poll", f.guard("poll", f.poll))
	f.Server = httptest.NewServer(mux)
	t.Cleanup(func() {
		f.end(0, -1)
		f.CloseClientConnections()
		f.Close()
	})
	return f
}

// change changes the state and wakes all streams.
func (f *fake) change(how func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	how()
	close(f.changed)
	f.changed = make(chan struct{})
}

func (f *fake) push(sub string, r reading) {
	f.change(func() {
		r.Sub = sub
		f.readings[sub] = r
	})
}

// text pushes a fragment of words for the table look.
func (f *fake) text(sub string, version int64, words string) {
	f.push(sub, reading{Version: version, At: time.Now(), Status: "ok", HTML: `<div data-look="table">` + words + `</div>`})
}

func (f *fake) message(data string) { f.change(func() { f.messages = append(f.messages, data) }) }

// end ends all streams, on WebSocket with a code; bye is the retry of the bye before it, none when negative.
func (f *fake) end(code, bye int) {
	f.change(func() { f.cut, f.code, f.bye = f.cut+1, code, bye })
}

func (f *fake) breaks(transport, how string) { f.change(func() { f.broken[transport] = how }) }

// opens lists how often a transport was opened.
func (f *fake) opens(transport string) (queries []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, o := range f.opened {
		if q, ok := strings.CutPrefix(o, transport+"?"); ok {
			queries = append(queries, q)
		}
	}
	return queries
}

// heard says how often an op came.
func (f *fake) heard(op string) (times int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, o := range f.ops {
		if o == op {
			times++
		}
	}
	return times
}

// guard misbehaves, or serves.
func (f *fake) guard(transport string, serve http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		f.opened = append(f.opened, transport+"?"+r.URL.RawQuery)
		how := f.broken[transport]
		f.mu.Unlock()
		switch how {
		case "":
			serve(w, r)
		case "silent":
			f.await(r.Context(), func() bool { return f.broken[transport] != "silent" })
		case "gone":
			panic(http.ErrAbortHandler)
		default:
			w.Header().Set("Content-Type", "application/problem+json")
			w.Header().Set("Retry-After", "1")
			status, _ := strconv.Atoi(how)
			w.WriteHeader(status)
			fmt.Fprintf(w, `{"title":"Refused","status":%d,"detail":"no <b>%s</b> for you"}`, status, how)
		}
	}
}

// await waits until a condition, which may read what the mutex guards, holds.
func (f *fake) await(ctx context.Context, done func() bool) {
	for ctx.Err() == nil {
		f.mu.Lock()
		ok, changed := done(), f.changed
		f.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
}

func event(name, id string, data any) map[string]any {
	e := map[string]any{"event": name, "data": data}
	if id != "" {
		e["id"] = id
	}
	return e
}

func (f *fake) hello(p place, subs []string, transport string) map[string]any {
	id := fmt.Sprintf("e-%d", p.Seq)
	return event("hello", id, map[string]any{"session": "s1", "node": "n", "transport": transport, "cursor": id,
		"subs": subs, "heartbeat": f.heartbeat, "time": time.Now().UTC().Format(time.RFC3339Nano)})
}

// news are the events after a place. The mutex is held.
func (f *fake) news(p *place, subs []string) (events []map[string]any) {
	if f.deaf {
		return nil
	}
	for ; p.Seq < len(f.messages); p.Seq++ {
		id := fmt.Sprintf("e-%d", p.Seq+1)
		events = append(events, event("message", id, map[string]any{"id": id, "from": map[string]string{"name": "Ada"},
			"to": map[string]bool{"all": true}, "data": json.RawMessage(f.messages[p.Seq])}))
	}
	for _, sub := range subs {
		if r, ok := f.readings[sub]; ok && p.Versions[sub] != r.Version {
			p.Versions[sub] = r.Version
			events = append(events, event("reading", "", r))
		}
	}
	return events
}

// start reads where a stream starts: "e-7", or "e-7~" and the versions as a query.
func start(q url.Values) place {
	p := place{Versions: make(map[string]int64)}
	id, versions, _ := strings.Cut(q.Get("after"), "~")
	p.Seq, _ = strconv.Atoi(strings.TrimPrefix(id, "e-"))
	known, _ := url.ParseQuery(versions)
	for sub, v := range known {
		p.Versions[sub], _ = strconv.ParseInt(v[0], 10, 64)
	}
	return p
}

func (p place) cursor() string {
	known := make(url.Values)
	for sub, v := range p.Versions {
		known.Set(sub, fmt.Sprint(v))
	}
	return fmt.Sprintf("e-%d~%s", p.Seq, known.Encode())
}
