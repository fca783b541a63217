package assets_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/websocket"
)

// stream writes hello and then all news until it is cut; it returns the close code.
func (f *fake) stream(ctx context.Context, q url.Values, transport string, subs func() []string, write func(map[string]any) error) int {
	p := start(q)
	f.mu.Lock()
	life, hello := f.cut, f.hello(p, subs(), transport)
	f.mu.Unlock()
	if write(hello) != nil {
		return 0
	}
	beat := time.NewTicker(time.Duration(f.heartbeat * float64(time.Second)))
	defer beat.Stop()
	for {
		f.mu.Lock()
		events, changed := f.news(&p, subs()), f.changed
		over, code, bye, deaf := f.cut != life, f.code, f.bye, f.deaf
		f.mu.Unlock()
		if over && bye >= 0 {
			events = append(events, event("bye", "", map[string]any{"reason": "restart", "retry": bye}))
		}
		for _, e := range events {
			if write(e) != nil {
				return 0
			}
		}
		if over {
			return code
		}
		select {
		case <-changed:
		case <-beat.C:
			if !deaf && write(event("heartbeat", fmt.Sprintf("e-%d", p.Seq), map[string]any{"users": 1234, "connections": 5})) != nil {
				return 0
			}
		case <-ctx.Done():
			return 0
		}
	}
}

func (f *fake) sse(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	q := r.URL.Query()
	f.stream(r.Context(), q, "sse", func() []string { return q["sub"] }, func(e map[string]any) error {
		data, _ := json.Marshal(e["data"])
		id := ""
		if e["id"] != nil {
			id = fmt.Sprintf("id: %s\n", e["id"])
		}
		_, err := fmt.Fprintf(w, "event: %s\n%sdata: %s\n\n", e["event"], id, data)
		w.(http.Flusher).Flush()
		return err
	})
}

func (f *fake) poll(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	p, events := start(q), []map[string]any{}
	f.mu.Lock()
	life := f.cut
	if q.Get("wait") == "0" || q.Get("after") == "" {
		events = append(events, f.hello(p, q["sub"], "poll"))
	}
	events = append(events, f.news(&p, q["sub"])...)
	f.mu.Unlock()
	if len(events) == 0 {
		ctx, cancel := context.WithTimeout(r.Context(), 25*time.Second)
		defer cancel()
		f.await(ctx, func() bool {
			events = append(events, f.news(&p, q["sub"])...)
			return len(events) > 0 || f.cut != life
		})
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"cursor": p.cursor(), "events": events})
}

// ws serves one WebSocket: what it writes comes from one goroutine, what it reads answers ops.
func (f *fake) ws(c *websocket.Conn) {
	q := c.Request().URL.Query()
	subs := q["sub"]
	var writing sync.Mutex
	write := func(e map[string]any) error {
		writing.Lock()
		defer writing.Unlock()
		return websocket.JSON.Send(c, e)
	}
	ctx, cancel := context.WithCancel(c.Request().Context())
	var reading sync.WaitGroup
	reading.Go(func() {
		defer cancel()
		for {
			var op struct{ Op, Ref, Sub string }
			if websocket.JSON.Receive(c, &op) != nil {
				return
			}
			f.mu.Lock()
			f.ops = append(f.ops, op.Op)
			deaf := f.deaf
			f.mu.Unlock()
			if deaf {
				continue
			}
			data := map[string]any{"ref": op.Ref, "result": map[string]any{"sub": op.Sub, "time": time.Now().UTC().Format(time.RFC3339Nano)}}
			if strings.Contains(op.Sub, "/13/") {
				data = map[string]any{"ref": op.Ref, "problem": map[string]any{"detail": "there is no page 13"}}
			}
			_ = write(event("reply", "", data))
			f.change(func() {
				subs = slices.DeleteFunc(slices.Clone(subs), func(s string) bool { return s == op.Sub })
				if op.Op == "subscribe" {
					subs = append(subs, op.Sub)
				}
			})
		}
	})
	code := f.stream(ctx, q, "websocket", func() []string { return subs }, write)
	patience := time.Duration(0)
	if code > 0 {
		_ = c.WriteClose(code)
		patience = 2 * time.Second // for the client's answer: with a reset the code is lost
	}
	_ = c.SetReadDeadline(time.Now().Add(patience))
	reading.Wait() // the socket closes on return; Conn.Close would send a second close frame
}
