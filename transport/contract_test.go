package transport

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestContractHelloFirst(t *testing.T) {
	onEachWay(t, Options{Node: "n1"}, func(t *testing.T, s *site, w way) {
		put(s.Hub, "cpu", 1)
		say(s.Hub, 1, everybody)
		c := w.dial(t, s, query("sub", "cpu", "sub", "mem", "session", "tab"))
		e, err := c.next()
		if err != nil || e.Event != "hello" || e.ID != "e-1" {
			t.Fatalf("first: %+v, %v; want hello e-1", e, err)
		}
		var hello struct {
			Session, Node, Transport, Cursor string
			Subs                             []string
			Heartbeat                        float64
			Time                             time.Time
		}
		if err := json.Unmarshal(e.Data, &hello); err != nil {
			t.Fatal(err)
		}
		got := fmt.Sprint(hello.Session, hello.Node, hello.Transport, hello.Cursor, hello.Subs, hello.Heartbeat)
		wants(t, "hello", got, fmt.Sprint("tab", "n1", w.kind, "e-1", []string{"cpu", "mem"}, 15.))
		if age := time.Since(hello.Time); age < -time.Second || age > time.Minute {
			t.Errorf("hello.time is %v old", age)
		}
		if sse, ok := c.(*sseClient); ok {
			wants(t, "retry", e.Retry, "2000")
			_ = sse
		}
		wants(t, "then", reads(t, c, 1), "reading cpu 1")
	})
}

func TestContractOrderAndInterests(t *testing.T) {
	onEachWay(t, Options{}, func(t *testing.T, s *site, w way) {
		c := w.dial(t, s, query("unionId", "7", "room", "r", "sub", "cpu"))
		wants(t, "first", reads(t, c, 1), "hello")
		want := []string{}
		for seq := range int64(60) {
			to := [...]Address{everybody, {Users: []string{"8"}}, {Room: "r"}, {Users: []string{"8", "7"}}, {Room: "q"}, {Room: "r", Users: []string{"7"}}}[seq%6]
			say(s.Hub, seq+1, to)
			if seq%6 != 1 && seq%6 != 4 {
				want = append(want, fmt.Sprintf("message %d", seq+1))
			}
		}
		wants(t, "messages", reads(t, c, len(want)), strings.Join(want, ", "))
		put(s.Hub, "mem", 1)
		put(s.Hub, "cpu", 1)
		wants(t, "reading", reads(t, c, 1), "reading cpu 1")
		put(s.Hub, "cpu", 2)
		wants(t, "the next one", reads(t, c, 1), "reading cpu 2 same")
	})
}

func TestContractResume(t *testing.T) {
	onEachWay(t, Options{}, func(t *testing.T, s *site, w way) {
		put(s.Hub, "cpu", 1)
		_, snapshot := s.Snapshot([]string{"cpu"})
		say(s.Hub, 1, everybody)
		// A page that was rendered with version 1 at position 0 goes on from there: no gap and no repeat.
		c := w.dial(t, s, query("sub", "cpu", "after", snapshot))
		wants(t, "from the page", reads(t, c, 2), "hello, message 1")
		put(s.Hub, "cpu", 2)
		wants(t, "from the page", reads(t, c, 1), "reading cpu 2 same")
		say(s.Hub, 2, everybody)
		wants(t, "then", reads(t, c, 1), "message 2")
		at := c.cursor()
		c.close()
		say(s.Hub, 3, everybody)
		say(s.Hub, 4, everybody)
		c = w.dial(t, s, query("after", at))
		wants(t, "resumed", reads(t, c, 3), "hello, message 3, message 4")
		c.close()
		c = w.dial(t, s, query("after", snapshot, "lastEventId", "e-3", "sub", "cpu"))
		wants(t, "by Last-Event-ID", reads(t, c, 3), "hello, message 4, reading cpu 2 same")
		c.close()
		c = w.dial(t, s, query("after", "earliest"))
		wants(t, "earliest", reads(t, c, 5), "hello, message 1, message 2, message 3, message 4")
	})
}

func TestContractReset(t *testing.T) {
	onEachWay(t, Options{Keep: 8}, func(t *testing.T, s *site, w way) {
		for seq := range int64(20) {
			say(s.Hub, seq+1, everybody)
		}
		for _, after := range []string{"e-3", "e-21", "other-20", "nonsense", "e-20.x"} {
			c := w.dial(t, s, query("after", after))
			wants(t, "after "+after, reads(t, c, 2), "hello, reset")
			c.close()
		}
		c := w.dial(t, s, query("after", "e-20"))
		wants(t, "first", reads(t, c, 1), "hello")
		s.Restart("f", 0, nil)
		e, err := c.next()
		if err != nil || e.Event != "reset" || e.ID != "f-0" || !strings.Contains(string(e.Data), `"kept":0`) {
			t.Errorf("a new log: %+v %s, %v; want reset f-0 with kept 0", e, e.Data, err)
		}
		say(s.Hub, 1, everybody)
		wants(t, "goes on", reads(t, c, 1), "message 1")
	})
}

func TestContractDrain(t *testing.T) {
	onEachWay(t, Options{}, func(t *testing.T, s *site, w way) {
		c := w.dial(t, s, query())
		wants(t, "first", reads(t, c, 1), "hello")
		drained := make(chan error, 1)
		if w.kind == LongPoll {
			eventually(t, func() error { // the first poll is answered before its session ends: only the second waits
				if n := s.Stats().Sessions[LongPoll]; n != 0 {
					return fmt.Errorf("%d polls", n)
				}
				return nil
			})
			go func() {
				eventually(t, func() error {
					if s.Stats().Sessions[LongPoll] == 0 {
						return errors.New("no poll waits")
					}
					return nil
				})
				drained <- s.Drain(t.Context())
			}()
		} else {
			go func() { drained <- s.Drain(t.Context()) }()
		}
		e, err := c.next()
		var b bye
		if err != nil || e.Event != "bye" || json.Unmarshal(e.Data, &b) != nil || b.Retry < 250 {
			t.Fatalf("drained: %+v %s, %v; want bye with a retry", e, e.Data, err)
		}
		switch w.kind {
		case WebSocket:
			_, err := c.next()
			wants(t, "then", fmt.Sprint(err), "closed 1012 restart")
			if _, err := c.next(); !errors.Is(err, io.EOF) {
				t.Errorf("after the close frame: %v; want the end", err)
			}
		case SSE:
			wants(t, "retry", e.Retry, fmt.Sprint(b.Retry))
			if _, err := c.next(); !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) { // gzip has no trailer
				t.Errorf("after bye: %v; want the end", err)
			}
		}
		if err := <-drained; err != nil {
			t.Errorf("Drain = %v; want nil: all have gone", err)
		}
	})
}

func TestContractHeaders(t *testing.T) {
	onEachWay(t, Options{}, func(t *testing.T, s *site, w way) {
		header := make(http.Header)
		switch c := w.dial(t, s, query()).(type) {
		case *wsClient:
			header = c.response.Header
		case *sseClient:
			header = c.response.Header
			wants(t, "Content-Type", header.Get("Content-Type"), "text/event-stream; charset=utf-8")
		case *pollClient:
			response, err := c.http.Get(c.url + "wait=0")
			if err != nil {
				t.Fatal(err)
			}
			_ = response.Body.Close()
			header = response.Header
			wants(t, "Content-Type", header.Get("Content-Type"), "application/json")
		}
		wants(t, "Cache-Control", header.Get("Cache-Control"), "no-store, no-transform")
		wants(t, "Vary", header.Get("Vary"), "Accept, Accept-Encoding, Upgrade")
		if w.kind != LongPoll {
			wants(t, "X-Accel-Buffering", header.Get("X-Accel-Buffering"), "no")
		}
	})
}

func TestContractPresence(t *testing.T) {
	onEachWay(t, Options{}, func(t *testing.T, s *site, w way) {
		c := w.dial(t, s, query("unionId", "7", "room", "r", "presence", "1"))
		wants(t, "first", reads(t, c, 3), "hello, presence, room")
		if p := s.Presence(); p.Users != 1 || p.Connections != 1 || len(s.Online(t.Context(), []string{"7", "8"})) != 1 || s.Room("r").Users != 1 {
			t.Errorf("Presence = %+v; want one user", p)
		}
		c.close()
		if w.kind == LongPoll {
			return // stays for 30 s
		}
		eventually(t, func() error {
			if p := s.Presence(); p.Connections != 0 {
				return fmt.Errorf("closed, and still %+v", p)
			}
			return nil
		})
	})
}

func TestContractHeartbeat(t *testing.T) {
	onEachWay(t, Options{Heartbeat: 50 * time.Millisecond}, func(t *testing.T, s *site, w way) {
		if w.kind == LongPoll {
			return // its answers are its heartbeats
		}
		c := w.dial(t, s, query("unionId", "7"))
		wants(t, "first", reads(t, c, 1), "hello")
		say(s.Hub, 1, Address{Users: []string{"8"}})
		for {
			e, err := c.next()
			if err != nil || e.Event != "heartbeat" || !strings.Contains(string(e.Data), `"users":1,"connections":1`) {
				t.Fatalf("%+v %s, %v; want a heartbeat with counts", e, e.Data, err)
			}
			if e.ID == "e-1" {
				return // the position passed what was for another
			}
		}
	})
}

func TestContractFormats(t *testing.T) {
	onEachWay(t, Options{}, func(t *testing.T, s *site, w way) {
		s.Put(NewUpdate("cpu", 1, 0, text{"cpu", 1, 70_000})) // longer than 16 bits tell
		for format, want := range map[string]string{"json": `"html":false`, "html": `"html":true`} {
			c := w.dial(t, s, query("sub", "cpu", "format", format))
			wants(t, format, reads(t, c, 1), "hello")
			e, err := c.next()
			if err != nil || !strings.Contains(string(e.Data), want) || len(e.Data) < 70_000 {
				t.Errorf("format=%s: %.100s, %v; want %s", format, e.Data, err, want)
			}
			c.close()
		}
	})
}
