package transport

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestLatest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHub(Options{Epoch: "e", Node: "n"})
		defer h.Close()
		seq := int64(0)
		add := func(to Address) {
			seq++
			h.Append(Item{Position{Epoch: "e", Seq: seq}, fmt.Sprint(seq), Message{To: to, Data: json.RawMessage(`1`)}})
		}
		add(Address{All: true})                            // 1
		add(Address{Room: "r"})                            // 2
		add(Address{Room: "r", Users: []string{"7"}})      // 3
		add(Address{Room: "s"})                            // 4
		add(Address{Users: []string{"7"}})                 // 5
		add(Address{Users: []string{"8"}})                 // 6
		time.Sleep(time.Minute)                            // of the bubble
		add(Address{Room: "r"})                            // 7
		add(Address{Room: "r", Users: []string{"8", "9"}}) // 8
		add(Address{All: true})                            // 9
		before := time.Now().Add(-time.Second)
		tests := []struct {
			x    Excerpt
			want string
		}{
			{Excerpt{Limit: 9}, "1 9 and 0"},
			{Excerpt{UnionID: "7", Limit: 9}, "1 5 9 and 0"},
			{Excerpt{UnionID: "7", Limit: 2}, "5 9 and 1"},
			{Excerpt{UnionID: "7", Limit: 9, Since: before}, "9 and 0"},
			{Excerpt{Room: "r", Limit: 9}, "2 7 and 0"},
			{Excerpt{Room: "r", UnionID: "7", Limit: 9}, "2 3 7 and 0"},
			{Excerpt{Room: "r", UnionID: "9", Limit: 1}, "8 and 2"},
			{Excerpt{Room: "none", Limit: 9}, "and 0"},
			{Excerpt{Room: "r"}, "and 2"},
		}
		for _, tt := range tests {
			list, more, cursor := h.Latest(tt.x)
			var words []string
			for _, m := range list {
				words = append(words, strings.TrimPrefix(m.ID, "e-"))
			}
			if got := strings.Join(append(words, fmt.Sprint("and ", more)), " "); got != tt.want || cursor != "e-9" {
				t.Errorf("Latest(%+v) = %q, %s; want %q, e-9", tt.x, got, cursor, tt.want)
			}
		}
	})
}

// What a node said alone is shown while it is alone, and not to those who come when it is not: they may be another node's.
func TestLatestAlone(t *testing.T) {
	alone := true
	h := NewHub(Options{Epoch: "e", Node: "n", Nodes: func() ([]string, bool) { return []string{"n"}, alone }})
	defer h.Close()
	h.Append(Item{Position{Epoch: "e", Seq: 1}, "a", Message{To: Address{Room: "r"}, Data: json.RawMessage(`1`)}})
	h.Append(Item{Position{Epoch: "e", Seq: 1, Life: "l", N: 1}, "b", Message{To: Address{Room: "r"}, Data: json.RawMessage(`2`)}})
	if list, _, cursor := h.Latest(Excerpt{Room: "r", Limit: 9}); len(list) != 2 || cursor != "e-1+l-1" {
		t.Errorf("alone: %d messages, %s; want 2, e-1+l-1", len(list), cursor)
	}
	h.mu.Lock()
	h.log.rejoin()
	h.mu.Unlock()
	if list, _, cursor := h.Latest(Excerpt{Room: "r", Limit: 9}); len(list) != 1 || cursor != "e-1" {
		t.Errorf("together again: %d messages, %s; want 1, e-1", len(list), cursor)
	}
}

// BenchmarkLatest is what a page costs when the log is full: of its notices, and of a room.
func BenchmarkLatest(b *testing.B) {
	h := NewHub(Options{Epoch: "e", Node: "n"})
	defer h.Close()
	for i := range int64(10_000) {
		to := Address{Room: fmt.Sprint("r", i%10)}
		if i%1000 == 0 {
			to = Address{All: true}
		}
		h.Append(Item{Position{Epoch: "e", Seq: i + 1}, fmt.Sprint(i), Message{To: to, Data: json.RawMessage(`1`)}})
	}
	for name, x := range map[string]Excerpt{
		"all young": {UnionID: "7", Since: time.Now().Add(-time.Hour), Limit: 3},
		"all old":   {UnionID: "7", Since: time.Now(), Limit: 3},
		"room":      {UnionID: "7", Room: "r1", Limit: 100},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				h.Latest(x)
			}
		})
	}
}
