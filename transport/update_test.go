package transport

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
)

// broken is a Content that cannot be encoded.
type broken struct{}

func (broken) Encode(Format, bool) []byte { panic("broken") }

// TestContentThatPanics: what cannot be encoded is logged once and left out for everybody; the stream goes on, and the next version is
// not told as a change of one that the client never got.
func TestContentThatPanics(t *testing.T) {
	var log bytes.Buffer
	inBubble(t, Options{Logger: slog.New(slog.NewTextHandler(&log, nil))}, func(t *testing.T, h *Hub) {
		one, two := open(t, h, Opening{Topics: []string{"cpu", "mem"}}), open(t, h, Opening{Topics: []string{"cpu"}})
		put(h, "cpu", 1)
		wants(t, "before", next(t, one), "reading cpu 1")
		h.Put(NewUpdate("cpu", 2, 1, broken{}))
		wants(t, "broken, after 1", next(t, one), "nothing")
		wants(t, "broken, as the first", next(t, two), "nothing")
		wants(t, "broken, to a later client", next(t, open(t, h, Opening{Topics: []string{"cpu"}})), "nothing")
		at := position{Position: Position{Epoch: "e"}, versions: map[uint32]int64{topicHash("cpu"): 1}}
		wants(t, "cursor", one.cursor(), at.cursor())
		wants(t, "cursor without a reading", two.cursor(), "e-0")
		put(h, "mem", 1)
		wants(t, "another topic", next(t, one), "reading mem 1")
		put(h, "cpu", 3)
		wants(t, "goes on", next(t, one), "reading cpu 3")
		wants(t, "goes on", next(t, two), "reading cpu 3")
	})
	if n := strings.Count(log.String(), "subscription=cpu err=broken"); n != 2 { // the first reading, and the change of one
		t.Errorf("logged %d times; want once for each form:\n%s", n, &log)
	}
}
