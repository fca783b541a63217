package dashboard_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/dashboard"
	"github.com/pulsewall/pulsewall/transport"
)

// ways are the headers that ask for each transport.
var ways = []struct {
	kind    transport.Kind
	headers []string
}{
	{transport.WebSocket, handshake},
	{transport.SSE, []string{"Accept: text/event-stream"}},
	{transport.LongPoll, nil},
}

// A program that refuses is obeyed alike on all transports, before any upgrade, and one that fails tells clients nothing.
func TestAdmitRefuses(t *testing.T) {
	door := &door{}
	w := newWall(t, door.options(), false)
	tests := []struct {
		ticket string
		status int
		detail string
	}{
		{"", 401, "no ticket"},
		{"full", 503, "the house is full"},
		{"odd", 500, "its log says why"},
		{"broken", 500, "its log says why"},
		{"late", 503, "try again"},
		{"panic", 500, "its log says why"},
		{"seven", 500, "its log says why"}, // is no unionId
	}
	for _, tt := range tests {
		for _, way := range ways {
			r := w.get("/live?sub=mine", append([]string{"Ticket: " + tt.ticket}, way.headers...)...)
			r.wantProblem(t, fmt.Sprint(tt.ticket, way.kind), tt.status, tt.detail)
			if strings.Contains(r.body, "secret") {
				t.Errorf("%s: tells %s", tt.ticket, r.body)
			}
		}
	}
	door.mu.Lock()
	defer door.mu.Unlock()
	if len(door.left) != 0 {
		t.Errorf("%d left that were not let in", len(door.left))
	}
}

// Who a client is, the program says: for the session, and for what it watches.
func TestAdmitSaysWho(t *testing.T) {
	door := &door{}
	w := newWall(t, door.options(), false)
	subs := func(e event) string { return fmt.Sprint(e.Data["subs"]) }

	for _, way := range ways { // who it is, or whose records it wants, is another
		for query, want := range map[string]string{"unionId=8&sub=mine": "unionId \"8\": this connection is that of 7", "sub=mine/8/1/10": "sub \"mine/8/1/10\": this connection is that of 7"} {
			w.get("/live?wait=0&"+query, append([]string{"Ticket: 7"}, way.headers...)...).wantProblem(t, fmt.Sprint(query, way.kind), 403, want)
		}
	}
	before := 2 * len(ways)
	door.wantLeft(t, before)

	s := w.socket("?unionId=7&sub=mine&room=r", "Ticket: 007")
	if got := subs(s.until("hello")); got != "[mine/7/1/10]" {
		t.Errorf("ws: %s", got)
	}
	v := door.last()
	if got := fmt.Sprintf("%s %s %s %s %v", v.Transport, v.UnionID, v.Subs, v.Rooms, v.Attributes); got != "websocket 7 [mine/7/1/10] [r] map[row:3]" {
		t.Errorf("seen: %s", got)
	}
	if body := w.get("/api/presence/users/7").body; !strings.Contains(body, `"websocket":1`) {
		t.Errorf("online: %s", body)
	}
	for op, want := range map[string]string{`{"op":"subscribe","sub":"rows"}`: "only mine", `{"op":"subscribe","sub":"mine"}`: "mine/7/1/10", `{"op":"ping"}`: "time"} {
		if got := fmt.Sprint(s.ask(op).Data); !strings.Contains(got, want) {
			t.Errorf("%s: %s; want %s", op, got, want)
		}
	}
	_ = s.conn.Close()
	if why := door.whyLeft(t, before+1); why == nil {
		t.Error("a client that is cut left without a reason")
	}

	r := w.get("/live?wait=0&sub=mine", "Ticket: 13")
	if !strings.Contains(r.body, `["mine/13/1/10"]`) {
		t.Errorf("poll: %s", r.body)
	}
	if why := door.whyLeft(t, before+2); why != nil { // though Left panics
		t.Errorf("a poll that was answered left: %v", why)
	}
	w.get("/live?sub=mine&sub=mine/1&sub=nope", "Ticket: 7").wantProblem(t, "unknown feed", 404, "nope") // was not asked
	door.wantLeft(t, before+2)
}

// The program ends what it admitted, while it is open, before it is, and again.
func TestEndVisit(t *testing.T) {
	door := &door{}
	w := newWall(t, door.options(), false)
	sse := func() *bufio.Scanner {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.URL+"/live?sub=rows", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept", "text/event-stream")
		r.Header.Set("Ticket", "7")
		res, err := w.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = res.Body.Close() })
		return bufio.NewScanner(res.Body)
	}
	tests := []struct {
		why    error
		code   uint16
		status int
	}{
		{transport.ErrTokenEnded, 4401, 401},
		{fmt.Errorf("by the office: %w", transport.ErrTokenEnded), 4401, 401},
		{errors.New("thrown out"), 4403, 403},
	}
	n, refused := 0, make(map[int]int)
	for _, tt := range tests {
		s := w.socket("?sub=rows", "Ticket: 7")
		s.until("hello")
		door.last().End(tt.why)
		door.last().End(errors.New("again"))
		if code := s.closed(); code != tt.code {
			t.Errorf("%v: closed %d; want %d", tt.why, code, tt.code)
		}
		_ = s.conn.Close()
		n++
		if why := door.whyLeft(t, n); !errors.Is(why, tt.why) {
			t.Errorf("left with %v; want %v", why, tt.why)
		}

		stream := sse()
		stream.Scan()
		door.last().End(tt.why)
		for stream.Scan() { // to its end
		}
		n++
		if why := door.whyLeft(t, n); !errors.Is(why, tt.why) {
			t.Errorf("left with %v; want %v", why, tt.why)
		}

		cursor := w.get("/live?wait=0", "Ticket: 7").object(t)["cursor"].(string)
		n++
		door.wantLeft(t, n)
		answered := make(chan answer, 1)
		go func() { answered <- w.get("/live?after="+cursor, "Ticket: 7") }()
		eventually(t, func() error {
			if door.count() != n+1 {
				return errors.New("the poll has not come")
			}
			return nil
		})
		door.last().End(tt.why)
		(<-answered).wantProblem(t, "poll", tt.status, "")
		refused[tt.status]++
		eventually(t, func() error {
			counted := fmt.Sprintf(`pulsewall_refused_total{status="%d"} `, tt.status)
			if _, n, _ := strings.Cut(w.get("/metrics").body, counted); !strings.HasPrefix(n, fmt.Sprintln(refused[tt.status])) {
				return fmt.Errorf("%s%.3q; want %d", counted, n, refused[tt.status])
			}
			return nil
		})
		n++
		door.wantLeft(t, n)
		door.last().End(tt.why) // is over
	}
}

// When Run has returned, everybody has left who was admitted, and nobody is admitted any more.
func TestLeftBeforeRunReturns(t *testing.T) {
	door := &door{}
	opts := door.options()
	opts.Logger = slog.New(slog.DiscardHandler)
	var slow sync.WaitGroup
	opts.Left = func(v *dashboard.Visit, err error) {
		slow.Wait() // until Run has been told to end
		door.leave(v, err)
	}
	d, err := dashboard.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	server := httptest.NewServer(d)
	defer server.Close()
	w := &wall{server, t}
	for range 3 {
		w.socket("?sub=rows", "Ticket: 7").until("hello")
	}
	slow.Add(1)
	time.AfterFunc(50*time.Millisecond, slow.Done)
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	door.mu.Lock()
	left := len(door.left)
	door.mu.Unlock()
	if left != 3 {
		t.Errorf("%d of 3 have left when Run returns", left)
	}
	w.get("/live", "Ticket: 7").wantProblem(t, "afterwards", 503, "leaving")
	door.wantLeft(t, 3)
}

// Who was admitted leaves though nothing is served: a limit refuses after Admit, the client goes while Admit thinks.
func TestLeftThoughNotServed(t *testing.T) {
	door := &door{}
	opts := door.options()
	opts.Limits.Polls = 1
	thinking := make(chan struct{})
	opts.Admit = func(r *http.Request, v *dashboard.Visit) error {
		if r.Header.Get("Ticket") == "99" {
			close(thinking)
			<-r.Context().Done()
		}
		return door.admit(r, v)
	}
	w := newWall(t, opts, false)
	w.get("/live?sub=rows&sub=mine", "Ticket: 7").wantProblem(t, "limit", 429, "in all")
	if why := door.whyLeft(t, 1); why == nil {
		t.Error("refused, but left without a reason")
	}
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		r, _ := http.NewRequestWithContext(ctx, http.MethodGet, w.URL+"/live?after=earliest", nil)
		r.Header.Set("Ticket", "99")
		if res, err := w.Client().Do(r); err == nil {
			_, _ = io.Copy(io.Discard, res.Body)
			_ = res.Body.Close()
		}
	}()
	<-thinking
	cancel()
	<-gone
	door.wantLeft(t, 2)
}

// Older clients meet the same hooks: refused before any upgrade, ended with a code, and told of once.
func TestAdmitOlderClients(t *testing.T) {
	door := &door{}
	w := newWall(t, door.options(), false)
	const channel = "/channel?type=app&channelId=abcdefghijklmnopqrstuvwxyz012345"
	refused := func(a answer, what string) { a.wantProblem(t, what, http.StatusUnauthorized, "no ticket") }
	refused(w.do(http.MethodPost, "/sockjs/0/abc/xhr", ""), "SockJS by xhr")
	refused(w.get("/sockjs/0/abc/eventsource"), "SockJS by EventSource")
	for i, address := range []string{"/msg", "/message", channel, "/sockjs", "/sockjs/0/def/websocket"} {
		refused(w.get(address, handshake...), address)
		s := w.socketAt(address, "Ticket: 7")
		door.last().End(errors.New("thrown out"))
		if code := s.closed(); code != 4403 {
			t.Errorf("%s: closed %d; want 4403", address, code)
		}
		_ = s.conn.Close()
		if why := door.whyLeft(t, i+1); !errors.Is(why, transport.ErrWithdrawn) {
			t.Errorf("%s: left with %v; want that a right was withdrawn", address, why)
		}
	}
	if a := w.do(http.MethodPost, "/sockjs/0/abc/xhr", "", "Ticket: 7"); a.StatusCode != http.StatusOK || a.body != "o\n" {
		t.Errorf("SockJS by xhr: %d %q", a.StatusCode, a.body)
	}
	door.last().End(transport.ErrTokenEnded)
	door.wantLeft(t, 6)
	s := w.socketAt("/msg", "Ticket: 7")
	s.tell(`{"unionId":8}`)
	if _, text := s.frame(); !strings.Contains(string(text), "connection is that of 7") {
		t.Errorf("another user: %s", text)
	}
	_ = s.conn.Close()
	door.wantLeft(t, 7)
}
