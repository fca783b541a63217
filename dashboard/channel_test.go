package dashboard_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/cluster"
	"github.com/pulsewall/pulsewall/dashboard"
	"github.com/pulsewall/pulsewall/transport/wsconn"
)

const someChannel = "AbcDefGhiJklMnoPqrStuVwxYz_01234"

// channelEnd is a client that holds an end.
type channelEnd struct {
	*wsconn.Conn
	frames chan []byte
	ended  chan error // what ended it
}

// channel connects an end as a program does, answering pings until the test ends.
func (w *wall) channel(query string, binary bool) (*channelEnd, *http.Response, error) {
	conn, response, err := wsconn.Dial(w.t.Context(), w.URL+"/channel?"+query, wsconn.DialOptions{
		Options: wsconn.Options{ReadLimit: 64 << 10, WriteTimeout: 10 * time.Second, Binary: binary},
	})
	if err != nil {
		return nil, response, err
	}
	e := &channelEnd{conn, make(chan []byte, 20_000), make(chan error, 1)}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			p, err := conn.Read()
			if err != nil {
				e.ended <- err
				return
			}
			e.frames <- p
		}
	})
	running.Go(func() { _ = conn.Tend(w.t.Context(), time.Minute, time.Hour) })
	w.t.Cleanup(func() {
		conn.CloseNow()
		running.Wait()
	})
	return e, response, nil
}

func (w *wall) mustChannel(query string) *channelEnd {
	w.t.Helper()
	e, _, err := w.channel(query, true)
	if err != nil {
		w.t.Fatal(err)
	}
	return e
}

// digest is the sum over the next n frames, in order.
func (e *channelEnd) digest(t *testing.T, n int) [sha256.Size]byte {
	t.Helper()
	sum := sha256.New()
	late := time.NewTimer(time.Minute)
	defer late.Stop()
	for i := range n {
		select {
		case p := <-e.frames:
			sum.Write(p)
		case <-late.C:
			t.Fatalf("%d of %d frames came", i, n)
		}
	}
	return [sha256.Size]byte(sum.Sum(nil))
}

func (e *channelEnd) code(t *testing.T) int {
	t.Helper()
	select {
	case err := <-e.ended:
		return wsconn.CloseCode(err)
	case <-time.After(time.Minute):
		t.Fatal("the connection is not closed")
		return 0
	}
}

func TestChannelFrames(t *testing.T) {
	w := newWall(t, options(&counting{}), false)
	app, web := w.mustChannel("type=app&channelId="+someChannel), w.mustChannel("channelId="+someChannel+"&type=web")
	for _, way := range [][2]*channelEnd{{app, web}, {web, app}} {
		sum := sha256.New()
		const frames = 2000
		for i := range frames {
			p := bytes.Repeat([]byte{byte(i), byte(i >> 8), 0, 255}, i%100)
			sum.Write(p)
			if err := way[0].Send(p); err != nil {
				t.Fatal(err)
			}
		}
		if got := way[1].digest(t, frames); got != [sha256.Size]byte(sum.Sum(nil)) {
			t.Error("the frames are not as they were sent")
		}
	}
	largest := bytes.Repeat([]byte("x"), cluster.MaxFrame)
	if err := app.Send(largest); err != nil {
		t.Fatal(err)
	}
	if p := <-web.frames; !bytes.Equal(p, largest) {
		t.Errorf("the largest frame came with %d bytes", len(p))
	}
	if err := app.Send(append(largest, 'x')); err != nil {
		t.Fatal(err)
	}
	if code := app.code(t); code != wsconn.TooBig {
		t.Errorf("after a frame of %d bytes: closed with %d, want %d", cluster.MaxFrame+1, code, wsconn.TooBig)
	}
	w.eventuallyShows(t, `pulsewall_channel_ends 1`) // its client hears of the close before the server has let go of the end
	for range 10 {                                   // nobody is there, and the sender need not know
		if err := web.Send([]byte("?")); err != nil {
			t.Fatal(err)
		}
	}
	w.eventuallyShows(t, `pulsewall_channel_dropped_total\{reason="absent"\} 10`)
	text, _, err := w.channel("type=app&channelId="+someChannel, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := text.Send([]byte("text")); err != nil {
		t.Fatal(err)
	}
	if code := text.code(t); code != wsconn.Unsupported {
		t.Errorf("after a text: closed with %d, want %d", code, wsconn.Unsupported)
	}
}

// eventuallyShows waits for a line of the metrics.
func (w *wall) eventuallyShows(t *testing.T, line string) {
	t.Helper()
	pattern := regexp.MustCompile(`(?m)^` + line + `$`)
	for begun := time.Now(); !pattern.MatchString(w.get("/metrics").body); {
		if time.Since(begun) > 30*time.Second {
			t.Fatalf("metrics do not show %s", line)
		}
	}
}

// TestChannelTaken has a second connection ask for an end: whoever has it keeps it as long as he answers.
func TestChannelTaken(t *testing.T) {
	w := newWall(t, options(&counting{}), false)
	query := "type=web&channelId=" + someChannel
	first := w.mustChannel(query)
	_, response, err := w.channel(query, true)
	if err == nil || response.StatusCode != http.StatusConflict {
		t.Fatalf("the same end again: %v, want 409", err)
	}
	var problem dashboard.Problem
	if json.NewDecoder(response.Body).Decode(&problem) != nil || !strings.Contains(problem.Detail, "is taken") {
		t.Errorf("refused with %+v", problem)
	}
	first.CloseNow()
	for begun := time.Now(); ; { // until the server has noticed
		if _, _, err = w.channel(query, true); err == nil {
			break
		}
		if time.Since(begun) > 30*time.Second {
			t.Fatalf("the end is not free again: %v", err)
		}
	}

	mute := w.socketAt("/channel?type=app&channelId=" + someChannel) // answers no ping
	if _, _, err := w.channel("type=app&channelId="+someChannel, true); err != nil {
		t.Fatalf("the end of one who does not answer: %v", err)
	}
	if code := mute.closed(); code != wsconn.Replaced {
		t.Errorf("who did not answer is closed with %d, want %d", code, wsconn.Replaced)
	}
}

func TestChannelRefused(t *testing.T) {
	w := newWall(t, options(&counting{}), false)
	tests := []struct {
		query  string
		status int
		detail string
	}{
		{"type=app&channelId=short", 400, `channelId "short"`},
		{"type=app&channelId=" + strings.Repeat("x", 33), 400, "want 32"},
		{"type=app&channelId=" + strings.Repeat("x", 31) + "-", 400, "channelId"},
		{"type=app&channelId=" + strings.Repeat("%C3%A4", 16), 400, "channelId"},
		{"type=app", 400, `channelId ""`},
		{"channelId=" + someChannel, 400, `type ""`},
		{"type=App&channelId=" + someChannel, 400, `type "App": allowed are app and web`},
	}
	for _, tt := range tests {
		w.get("/channel?"+tt.query, handshake...).wantProblem(t, tt.query, tt.status, tt.detail)
	}
	w.get("/channel?type=app&channelId="+someChannel).wantProblem(t, "no handshake", 426, "handshake")
	w.get("/channel?type=app&channelId="+someChannel, append(handshake, "Origin: https://evil.example")...).wantProblem(t, "another site", 403, "evil")
	w.get("/nodes/link", handshake...).wantProblem(t, "a link on one node", 404, "nothing")

	off := options(&counting{})
	off.OlderClients = []dashboard.OlderClient{}
	v := newWall(t, off, false)
	v.get("/channel?type=app&channelId="+someChannel, handshake...).wantProblem(t, "switched off", 404, "nothing")
	v.post("/api/channels", "").wantProblem(t, "switched off", 404, "nothing")
}

func TestNewChannels(t *testing.T) {
	w := newWall(t, options(&counting{}), false)
	seen := make(map[string]bool)
	for range 50 {
		r := w.post("/api/channels", "")
		var made struct{ ChannelID string }
		if err := json.Unmarshal([]byte(r.body), &made); err != nil || r.StatusCode != http.StatusCreated {
			t.Fatalf("POST /api/channels = %s %q", r.Status, r.body)
		}
		if !regexp.MustCompile(`^\w{32}$`).MatchString(made.ChannelID) || seen[made.ChannelID] {
			t.Errorf("channelId %q", made.ChannelID)
		}
		seen[made.ChannelID] = true
	}
	w.post("/api/channels", "", "Origin: https://evil.example").wantProblem(t, "another site", 403, "evil")
}
