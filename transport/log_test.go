package transport

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"
)

func push(l *messageLog, seq int64, key string, at time.Time) bool {
	e := l.push(itemAt(Position{Epoch: "e", Seq: seq}, key, everybody), at)
	return e != nil && e.message != nil
}

// shape is the log in words: first and last position, kept messages, keys.
func shape(l *messageLog) string {
	return fmt.Sprintf("%d–%d kept %d keys %d", l.base.Seq+1, l.top().Seq, l.kept, len(l.keys))
}

func TestLogKeeps(t *testing.T) {
	start := time.Now()
	tests := []struct {
		name string
		do   func(l *messageLog)
		want string
	}{
		{"empty", func(*messageLog) {}, "1–0 kept 0 keys 0"},
		{"some", func(l *messageLog) { push(l, 1, "", start); push(l, 2, "a", start) }, "1–2 kept 2 keys 1"},
		{"a key again", func(l *messageLog) { push(l, 1, "a", start); push(l, 2, "a", start) }, "1–2 kept 1 keys 1"},
		{"more than it holds", func(l *messageLog) {
			for seq := range int64(10) {
				push(l, seq+1, fmt.Sprint(seq), start)
			}
		}, "7–10 kept 4 keys 4"},
		{"a key again after it was forgotten", func(l *messageLog) {
			for seq := range int64(5) {
				push(l, seq+1, fmt.Sprint(seq%4), start)
			}
		}, "2–5 kept 4 keys 4"},
		{"positions left out", func(l *messageLog) { push(l, 1, "", start); push(l, 4, "", start) }, "1–4 kept 2 keys 0"},
		{"positions fall", func(l *messageLog) { push(l, 5, "", start); push(l, 5, "", start); push(l, 3, "", start) }, "5–5 kept 1 keys 0"},
		{"starts late", func(l *messageLog) { push(l, 1<<60, "", start) }, "1152921504606846976–1152921504606846976 kept 1 keys 0"},
		{"jumps far", func(l *messageLog) { push(l, 1, "a", start); push(l, 1<<60, "b", start) }, "1–1152921504606846976 kept 2 keys 2"},
		{"expires", func(l *messageLog) {
			push(l, 1, "a", start)
			push(l, 2, "b", start.Add(time.Minute))
			l.expire(start.Add(time.Hour))
		}, "2–2 kept 1 keys 1"},
		{"expires whole", func(l *messageLog) {
			push(l, 1, "a", start)
			push(l, 2, "a", start)
			l.expire(start.Add(time.Hour))
		}, "3–2 kept 0 keys 0"},
		{"goes on after", func(l *messageLog) {
			push(l, 1, "a", start)
			l.expire(start.Add(time.Hour))
			push(l, 2, "a", start.Add(time.Hour))
		}, "2–2 kept 1 keys 1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := newMessageLog("e", 4, time.Hour)
			tt.do(l)
			wants(t, "log", shape(l), tt.want)
		})
	}
}

func TestLogDataThatIsNotJSON(t *testing.T) {
	l := newMessageLog("e", 4, time.Hour)
	item := Item{Position: Position{Epoch: "e", Seq: 1}, Message: Message{To: everybody, Data: json.RawMessage(`{`)}}
	if e := l.push(item, time.Now()); e.event == nil || !json.Valid(e.event.data) {
		t.Errorf("push = %+v; want a message all the same", e)
	}
}

func TestHubMessages(t *testing.T) {
	h := newTestHub(t, Options{Epoch: "e", Keep: 8})
	for seq := range int64(10) {
		to := everybody
		if seq%2 == 1 {
			to = Address{Users: []string{"7"}}
		}
		say(h, seq+1, to)
	}
	tests := []struct {
		to    Reader
		after string
		limit int
		want  string
		next  string
	}{
		{Reader{}, "", 100, "3 5 7 9", "e-10"},
		{Reader{UnionID: "7"}, "", 100, "3 4 5 6 7 8 9 10", "e-10"},
		{Reader{UnionID: "7"}, "", 3, "3 4 5", "e-5"},
		{Reader{UnionID: "7"}, "e-5", 3, "6 7 8", "e-8"},
		{Reader{}, "e-8", 1, "9", "e-10"},
		{Reader{}, "e-10", 5, "", "e-10"},
		{Reader{}, "e-1", 1, "3", "e-4"}, // too old: the oldest kept
		{Reader{}, "other-9", 1, "3", "e-4"},
		{Reader{}, "nonsense", 1, "3", "e-4"},
	}
	for _, tt := range tests {
		list, next := h.Messages(t.Context(), tt.to, tt.after, tt.limit)
		got := ""
		for i, m := range list {
			if i > 0 {
				got += " "
			}
			got += string(m.Data)
		}
		if got != tt.want || next != tt.next {
			t.Errorf("Messages(%+v, %q, %d) = %q, %q; want %q, %q", tt.to, tt.after, tt.limit, got, next, tt.want, tt.next)
		}
	}
}

func TestHubFirst(t *testing.T) {
	h := newTestHub(t, Options{Epoch: "e", Keep: 3})
	for seq, key := range []string{"", "a", "a", ""} {
		deliver(h, Position{Epoch: "e", Seq: int64(seq) + 1}, key, everybody)
	}
	if id, ok := h.First("a"); id != "e-2" || !ok {
		t.Errorf("First(a) = %q, %v; want e-2", id, ok)
	}
	say(h, 5, everybody) // forgets 2
	if id, ok := h.First("a"); ok {
		t.Errorf("First(a) = %q; want none: it is forgotten", id)
	}
	if id, ok := h.First(""); ok {
		t.Errorf("First of no key = %q; want none", id)
	}
}
