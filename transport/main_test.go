package transport

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// judged says whether figures that a busy machine spoils are judged: with PULSEWALL_LONG. Else they are told.
func judged() bool { return os.Getenv("PULSEWALL_LONG") != "" }

// eventually asks until f has no complaint, for 30 s.
func eventually(t testing.TB, f func() error) {
	t.Helper()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for deadline := time.Now().Add(patience); ; <-ticker.C {
		err := f()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// newTestHub is closed at the end of the test.
func newTestHub(t testing.TB, opts Options) *Hub {
	h := NewHub(opts)
	t.Cleanup(h.Close)
	return h
}

// text is a Content that says which version it is and whether it is the short form.
type text struct {
	topic   string
	version int64
	fill    int // bytes that it has more
}

func (c text) Encode(f Format, next bool) []byte {
	b, err := json.Marshal(map[string]any{
		"sub": c.topic, "version": c.version, "html": f == HTML, "same": next, "fill": filling(c.version, c.fill), "at": stamp(time.Now()),
	})
	if err != nil {
		panic(err)
	}
	return b
}

// filling is n bytes that do not deflate well.
func filling(seed int64, n int) string {
	const hex = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+-"
	b := make([]byte, n)
	x := uint64(seed)*2654435761 + 1
	for i := range b {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		b[i] = hex[x>>58]
	}
	return string(b)
}

// put makes version v the newest of a topic; the version just before was v-1.
func put(h *Hub, topic string, v int64) { h.Put(NewUpdate(topic, v, v-1, text{topic, v, 0})) }

// say appends a message of the cluster whose data is its position.
func say(h *Hub, seq int64, to Address) { deliver(h, Position{Epoch: epochOf(h), Seq: seq}, "", to) }

// deliver appends a message whose data is its position: 7, or "7+l-1".
func deliver(h *Hub, p Position, key string, to Address) {
	h.Append(itemAt(p, key, to))
}

func itemAt(p Position, key string, to Address) Item {
	data := strconv.FormatInt(p.Seq, 10)
	if p.Alone() {
		data = fmt.Sprintf(`"%d+%s-%d"`, p.Seq, p.Life, p.N)
	}
	return Item{Position: p, Key: key, Message: Message{To: to, At: time.Now(), Data: json.RawMessage(data)}}
}

// sessions counts all of a hub. It is locked, or nobody opens one.
func sessions(h *Hub) (n int) {
	for _, sh := range h.shards {
		n += len(sh.sessions)
	}
	return n
}

// watched counts topics that somebody watches. The hub is locked.
func watched(h *Hub) (n int) {
	for _, t := range h.topics {
		n += min(1, t.watchers)
	}
	return n
}

func epochOf(h *Hub) string {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.log.epoch
}

var everybody = Address{All: true}

// open opens a session that is closed at the end of the test.
func open(t testing.TB, h *Hub, o Opening) *Session {
	t.Helper()
	s, err := h.open(o, WebSocket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// next asks for a batch for at most a second, and tells it in words: "message 3", "reading cpu 2 same", "reset", or "nothing".
func next(t testing.TB, s *Session) string {
	t.Helper()
	batch, err := s.Next(t.Context(), time.Now().Add(time.Second))
	if err != nil {
		return err.Error()
	}
	return words(batch.events)
}

func words(events []*event) string {
	if len(events) == 0 {
		return "nothing"
	}
	var list []string
	for _, e := range events {
		list = append(list, word(e.name, e.data))
	}
	return strings.Join(list, ", ")
}

func word(name string, data []byte) string {
	var d struct {
		Sub     string          `json:"sub"`
		Version int64           `json:"version"`
		Same    bool            `json:"same"`
		Data    json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(data, &d); err != nil {
		return name + ": " + err.Error()
	}
	switch {
	case name == "message":
		return fmt.Sprintf("message %s", d.Data)
	case name == "reading" && d.Same:
		return fmt.Sprintf("reading %s %d same", d.Sub, d.Version)
	case name == "reading":
		return fmt.Sprintf("reading %s %d", d.Sub, d.Version)
	}
	return name
}

func equal[T comparable](t testing.TB, what string, got, want []T) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s = %v; want %v", what, got, want)
	}
}

// wants fails the test when got differs.
func wants(t testing.TB, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %s; want %s", what, got, want)
	}
}
