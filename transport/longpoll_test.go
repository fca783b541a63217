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

// ask polls once and tells the cursor and the events in words.
func ask(t *testing.T, c *pollClient, query string) (cursor, events string) {
	t.Helper()
	response, err := c.http.Get(c.url + query)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Cursor string
		Events []wire
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, e := range answer.Events {
		list = append(list, e.word())
	}
	return answer.Cursor, strings.Join(list, ", ")
}

func TestPoll(t *testing.T) {
	s := newSite(t, Options{}, false)
	put(s.Hub, "cpu", 1)
	say(s.Hub, 1, everybody)
	c := &pollClient{url: s.URL + "/live/poll?", http: s.httpClient()}
	cpu1 := position{Position: Position{Epoch: "e", Seq: 1}, versions: map[uint32]int64{topicHash("cpu"): 1}}.cursor()
	tests := []struct {
		query  string
		cursor string
		events string
	}{
		{"sub=cpu", cpu1, "hello, reading cpu 1"}, // no cursor: at once, though wait is 25
		{"sub=cpu&wait=0&after=" + cpu1, cpu1, "hello"},
		{"sub=cpu&wait=0.05&after=" + cpu1, cpu1, ""},
		{"sub=cpu&after=e-0", cpu1, "message 1, reading cpu 1"},
		{"sub=cpu&after=e-9", cpu1, "reset, reading cpu 1"},
		{"sub=mem&wait=0.05&after=e-1", "e-1", ""},
		{"presence=1&wait=0", "e-1", "hello, presence"},
		{"presence=1&room=r&after=e-0", "e-1", "message 1, presence, room"},
		{"presence=1&room=r&wait=0.05&after=e-1", "e-1", ""}, // presence alone is no reason to answer
	}
	for _, tt := range tests {
		cursor, events := ask(t, c, tt.query)
		if cursor != tt.cursor || events != tt.events {
			t.Errorf("%s: %s %s; want %s %s", tt.query, cursor, events, tt.cursor, tt.events)
		}
	}
}

// TestPollMovesOn: messages for others move the cursor of who waits, so that it never gets too old.
func TestPollMovesOn(t *testing.T) {
	s := newSite(t, Options{Keep: 4}, false)
	c := &pollClient{url: s.URL + "/live/poll?", http: s.httpClient()}
	done := make(chan string)
	go func() {
		cursor, events := ask(t, c, "wait=0.3&unionId=7&after=e-0")
		done <- cursor + " " + events
	}()
	eventually(t, func() error {
		if s.Stats().Sessions[LongPoll] == 0 {
			return errors.New("no poll waits")
		}
		return nil
	})
	for seq := range int64(100) {
		say(s.Hub, seq+1, Address{Users: []string{"8"}})
	}
	wants(t, "answer", <-done, "e-100 ")
}

func TestPollGzip(t *testing.T) {
	s := newSite(t, Options{}, false)
	s.Put(NewUpdate("cpu", 1, 0, text{"cpu", 1, 5000}))
	for accept, want := range map[string]string{"gzip": "gzip", "br, gzip;q=0.5": "gzip", "gzip;q=0": "", "gzip; q=0.000": "", "br": "", "": ""} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/live/poll?wait=0&sub=cpu", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept-Encoding", accept)
		response, err := s.httpClient().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if got := response.Header.Get("Content-Encoding"); got != want {
			t.Errorf("Accept-Encoding %q: %q; want %q", accept, got, want)
		}
	}
}

// TestPollConnectionStays: the deadline of one answer does not end the next request on the connection.
func TestPollConnectionStays(t *testing.T) {
	t.Parallel()
	s := newSite(t, Options{WriteTimeout: time.Second}, false)
	c := &pollClient{url: s.URL + "/live/poll?", http: s.httpClient()}
	for i := range 3 {
		if cursor, _ := ask(t, c, "after=e-0&wait=1.5"); cursor != "e-0" {
			t.Errorf("poll %d: cursor %s; want e-0", i, cursor)
		}
	}
}

func TestStats(t *testing.T) {
	s := newSite(t, Options{}, false)
	for _, w := range ways() {
		if !w.secure && !w.attached {
			c := w.dial(t, s, query("after", "other-1"))
			wants(t, w.name, reads(t, c, 2), "hello, reset")
		}
	}
	say(s.Hub, 1, everybody)
	eventually(t, func() error {
		got := s.Stats()
		counts := fmt.Sprint(got.Sessions, got.Deliveries, got.Resets, got.Kept, got.SlowCloses)
		if want := "map[message:0 msg:0 poll:0 sockjs:0 sse:2 websocket:2] map[message:0 msg:0 poll:2 sockjs:0 sse:6 websocket:6] 5 1 0"; counts != want {
			return fmt.Errorf("Stats = %s; want %s", counts, want)
		}
		for _, kind := range []Kind{WebSocket, SSE, LongPoll} {
			if got.Bytes[kind] < 100 {
				return fmt.Errorf("%d bytes by %s", got.Bytes[kind], kind)
			}
		}
		return nil
	})
}
