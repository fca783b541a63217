package transport

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

func push(l *messageLog, seq int64, key string, at time.Time) bool {
	e := l.push(newEntry(itemAt(Position{Epoch: "e", Seq: seq}, key, everybody), at))
	return e != nil && e.message != nil
}

// keyed is an item whose message says its key.
func keyed(seq int64, key string, data json.RawMessage) Item {
	return Item{Position{Epoch: "e", Seq: seq}, key, Message{Key: key, To: everybody, Data: data}}
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
			l := newMessageLog(Options{Epoch: "e", Keep: 4, KeepFor: time.Hour, KeepBytes: 1000})
			tt.do(l)
			wants(t, "log", shape(l), tt.want)
		})
	}
}

func TestEntryData(t *testing.T) {
	deep := strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) // as deep as JSON may be
	tests := []struct{ in, want string }{
		{`1`, `1`},
		{"{ \"a\":\n\"<b>&\u2028\" }", "{\"a\":\"<b>&\u2028\"}"},
		{`{`, `null`}, // its sender's node let it through
		{``, `null`},
		{deep, deep},
	}
	for _, tt := range tests {
		e := newEntry(keyed(1, "k", json.RawMessage(tt.in)), time.Now())
		const head = `{"id":"e-1","key":"k","from":{},"to":{"all":true},"at":"0001-01-01T00:00:00.000Z","data":`
		if string(e.data) != head+tt.want+"}" {
			t.Errorf("data %.80q: %.200s; want %.80s at its end", tt.in, e.data, tt.want)
		}
		if string(e.message.Data) != tt.want || &e.message.Data[0] != &e.data[len(head)] {
			t.Errorf("data %.80q is kept as %.80s; want it as a part of the whole", tt.in, e.message.Data)
		}
	}
}

// TestLogKeepsBytes: the oldest go first, the newest stays whatever it takes, and the count of bytes is right at the end.
func TestLogKeepsBytes(t *testing.T) {
	const most = 2000
	l := newMessageLog(Options{Epoch: "e", Keep: 1000, KeepFor: time.Hour, KeepBytes: most})
	for i, size := range []int{100, 700, 5000, 100, 100, 1500, 10, 10, 10} {
		seq := int64(i) + 1
		l.push(newEntry(keyed(seq, fmt.Sprint("key", seq), json.RawMessage(`"`+filling(1, size)+`"`)), time.Now()))
		held := 0
		l.after(0, func(e *entry) bool { held += len(e.data) + len(e.key); return true })
		if l.size != held || l.size > most && l.kept > 1 {
			t.Errorf("after %d: %d bytes counted, %d held in %d messages; want %d at most", seq, l.size, held, l.kept, most)
		}
	}
	wants(t, "log", shape(l), "6–9 kept 4 keys 4")
	l.drop(l.head)
	if l.size != 0 {
		t.Errorf("empty: %d bytes; want none", l.size)
	}
}

// TestLogMadeForms: those of old messages are not kept, and who asks for one gets the same.
func TestLogMadeForms(t *testing.T) {
	h := newTestHub(t, Options{Epoch: "e"})
	for seq := range int64(1000) {
		say(h, seq+1, everybody)
	}
	made := 0
	for _, e := range h.log.ring {
		if e.made != nil {
			made++
		}
	}
	if made != mostMade {
		t.Errorf("%d keep their forms; want %d", made, mostMade)
	}
	old, newest := h.log.at(1).event(), h.log.at(1000).event()
	wants(t, "old", string(old.asObject())[:30], `{"event":"message","id":"e-1",`)
	if newest != h.log.at(1000).event() {
		t.Error("the newest is made for each who asks; want it made once")
	}
}

// TestHubKeepsBytes: a client further behind than the bytes kept is told so.
func TestHubKeepsBytes(t *testing.T) {
	inBubble(t, Options{KeepBytes: 100_000}, func(t *testing.T, h *Hub) {
		behind := open(t, h, Opening{})
		for seq := range int64(30) {
			h.Append(keyed(seq+1, "", json.RawMessage(`"`+strings.Repeat("<", 8000)+`"`)))
		}
		if kept := h.Stats().Kept; kept != 12 { // and no 2, if each < were \u003c
			t.Errorf("%d messages kept; want 12 of 8 KB", kept)
		}
		if got := next(t, behind); !strings.HasPrefix(got, "reset") {
			t.Errorf("behind: %.100s; want a reset", got)
		}
		list, _, _ := h.Messages(t.Context(), Reader{}, "", 100)
		if len(list) != 12 || list[0].ID != "e-19" {
			t.Errorf("%d messages from %s; want 12 from e-19", len(list), list[0].ID)
		}
	})
}

// TestAppendMeetsRestart: a message that is encoded while the log begins anew has an id of the log that it stands in.
func TestAppendMeetsRestart(t *testing.T) {
	h := newTestHub(t, Options{Epoch: "e"})
	appended := make(chan struct{})
	go func() {
		defer close(appended)
		for seq := range int64(100) {
			deliver(h, Position{Epoch: "f", Seq: seq + 1}, "", everybody)
		}
	}()
	h.Restart("f", 0, nil)
	<-appended
	list, _, _ := h.Messages(t.Context(), Reader{}, "", 100)
	if len(list) == 0 || list[len(list)-1].ID != "f-100" {
		t.Fatalf("%d messages; want f-100 at their end", len(list))
	}
	for i, m := range list {
		if want := fmt.Sprint("f-", 100-len(list)+i+1); m.ID != want || h.log.at(h.log.tail+int64(i)).ID() != want {
			t.Errorf("%s; want %s", m.ID, want)
		}
	}
}

// TestRepeatsTakeBytes: a message that all nodes know counts beside the one of this node alone that had its key, and a repeat of it for nothing.
func TestRepeatsTakeBytes(t *testing.T) {
	l := newMessageLog(Options{Epoch: "e", Keep: 10, KeepFor: time.Hour, KeepBytes: 100_000})
	for _, s := range []string{"1", "1+1", "2", "3"} {
		l.push(newEntry(itemAt(at(t, s), "k", everybody), time.Now()))
	}
	wants(t, "repeats of the cluster's", fmt.Sprint(l.size == l.at(1).size(), l.kept), "true 1")
	l.push(newEntry(itemAt(at(t, "3+2"), "j", everybody), time.Now()))
	l.push(newEntry(itemAt(at(t, "4"), "j", everybody), time.Now()))
	wants(t, "a repeat of one's own", fmt.Sprint(l.size == l.at(1).size()+l.at(5).size()+l.at(6).size(), l.kept), "true 2")
	l.drop(l.head)
	wants(t, "empty", fmt.Sprint(l.size, l.kept), "0 0")
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
		reset string
	}{
		{Reader{}, "", 100, "3 5 7 9", "e-10", ""},
		{Reader{UnionID: "7"}, "", 100, "3 4 5 6 7 8 9 10", "e-10", ""},
		{Reader{UnionID: "7"}, "", 3, "3 4 5", "e-5", ""},
		{Reader{UnionID: "7"}, "e-5", 3, "6 7 8", "e-8", ""},
		{Reader{}, "e-8", 1, "9", "e-10", ""},
		{Reader{}, "e-10", 5, "", "e-10", ""},
		{Reader{}, "e-1", 1, "3", "e-4", forgotten}, // too old: the oldest kept
		{Reader{}, "other-9", 1, "3", "e-4", anew},
		{Reader{}, "nonsense", 1, "3", "e-4", unreadable},
		{Reader{}, earliest, 1, "3", "e-4", ""},
		{Reader{}, "e-11", 1, "3", "e-4", ahead},
	}
	for _, tt := range tests {
		list, next, reset := h.Messages(t.Context(), tt.to, tt.after, tt.limit)
		got := ""
		for i, m := range list {
			if i > 0 {
				got += " "
			}
			got += string(m.Data)
		}
		if got != tt.want || next != tt.next || reset != tt.reset {
			t.Errorf("Messages(%+v, %q, %d) = %q, %q, %q; want %q, %q, %q", tt.to, tt.after, tt.limit, got, next, reset, tt.want, tt.next, tt.reset)
		}
	}
}

func TestHubFirst(t *testing.T) {
	h := newTestHub(t, Options{Epoch: "e", Keep: 3})
	for seq, key := range []string{"", "a", "a", ""} {
		deliver(h, Position{Epoch: "e", Seq: int64(seq) + 1}, key, everybody)
	}
	if at, ok := h.First("a"); at.ID() != "e-2" || !ok {
		t.Errorf("First(a) = %v, %v; want e-2", at, ok)
	}
	say(h, 5, everybody) // forgets 2
	if at, ok := h.First("a"); ok {
		t.Errorf("First(a) = %v; want none: it is forgotten", at)
	}
	if at, ok := h.First(""); ok {
		t.Errorf("First of no key = %v; want none", at)
	}
}
