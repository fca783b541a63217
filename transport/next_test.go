package transport

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// inBubble runs f with a hub, in fake time.
func inBubble(t *testing.T, opts Options, f func(t *testing.T, h *Hub)) {
	t.Helper()
	if opts.Epoch == "" {
		opts.Epoch = "e"
	}
	synctest.Test(t, func(t *testing.T) {
		f(t, newTestHub(t, opts))
	})
}

func TestNextFirstPaint(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, h *Hub) {
		put(h, "cpu", 1)
		say(h, 1, everybody)
		s := open(t, h, Opening{Topics: []string{"cpu", "mem", "disk"}})
		wants(t, "first", next(t, s), "reading cpu 1") // messages: from now
		wants(t, "then", next(t, s), "nothing")
		put(h, "disk", 5)
		put(h, "mem", 7)
		put(h, "other", 7)
		wants(t, "in the order of the query", next(t, s), "reading mem 7, reading disk 5")
		put(h, "cpu", 1)
		put(h, "cpu", 0)
		wants(t, "versions that are not newer", next(t, s), "nothing")
	})
}

func TestNextConflates(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, h *Hub) {
		s := open(t, h, Opening{Topics: []string{"cpu"}})
		for v := range int64(5) {
			put(h, "cpu", v+1)
		}
		wants(t, "behind", next(t, s), "reading cpu 5")
		put(h, "cpu", 6)
		wants(t, "has the version just before", next(t, s), "reading cpu 6 same")
		put(h, "cpu", 7)
		put(h, "cpu", 8)
		wants(t, "has not", next(t, s), "reading cpu 8")
		h.Drop("cpu")
		wants(t, "dropped", next(t, s), "nothing")
	})
}

func TestNextMessagesBeforeReadings(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, h *Hub) {
		s := open(t, h, Opening{UnionID: "7", Rooms: []string{"r"}, Topics: []string{"cpu"}})
		put(h, "cpu", 1)
		say(h, 1, Address{Users: []string{"7"}})
		say(h, 2, Address{Users: []string{"8"}})
		say(h, 3, Address{Room: "r"})
		wants(t, "batch", next(t, s), "message 1, message 3, reading cpu 1")
		wants(t, "cursor", s.cursor(), position{Position: Position{Epoch: "e", Seq: 3}, versions: map[uint32]int64{topicHash("cpu"): 1}}.cursor())
	})
}

func TestNextBatchesAreBounded(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, h *Hub) {
		s := open(t, h, Opening{Topics: []string{"cpu"}})
		large, err := json.Marshal(strings.Repeat("x", 8000))
		if err != nil {
			t.Fatal(err)
		}
		const n = 40
		for seq := range int64(n) {
			h.Append(Item{Position: Position{Epoch: "e", Seq: seq + 1}, Message: Message{To: everybody, Data: large}})
		}
		put(h, "cpu", 1)
		got := 0
		for batches := 0; got < n; batches++ {
			batch, err := s.Next(t.Context(), time.Now().Add(time.Second))
			if err != nil {
				t.Fatal(err)
			}
			size, messages := 0, 0
			for _, e := range batch.events {
				if e.name == "message" {
					size += len(e.data)
					messages++
				}
			}
			if size > mostMessages || messages == 0 {
				t.Fatalf("batch %d: %d messages of %d bytes; want some, 64 KiB at most", batches, messages, size)
			}
			if hasReading := messages < len(batch.events); hasReading != (batches == 0) {
				t.Errorf("batch %d: %s; want the reading in the first one", batches, words(batch.events))
			}
			got += messages
			wants(t, "cursor", strings.Split(s.cursor(), ".")[0], fmt.Sprintf("e-%d", got))
		}
		huge, err := json.Marshal(strings.Repeat("x", 2*mostMessages))
		if err != nil {
			t.Fatal(err)
		}
		h.Append(Item{Position: Position{Epoch: "e", Seq: n + 1}, Message: Message{To: everybody, Data: huge}})
		say(h, n+2, everybody)
		batch, err := s.Next(t.Context(), time.Time{})
		if err != nil || len(batch.events) != 1 {
			t.Errorf("Next = %d events, %v; want the one that alone is too large", len(batch.events), err)
		}
		wants(t, "after it", next(t, s), "message 42")
	})
}

func TestNextResumes(t *testing.T) {
	tests := []struct {
		name string
		o    Opening
		want string
	}{
		{"from now", Opening{}, "reading cpu 9"},
		{"a cursor", Opening{After: position{Position: Position{Epoch: "e", Seq: 3}, versions: map[uint32]int64{topicHash("cpu"): 9}}.cursor()}, "message 4, message 5"},
		{"an older version", Opening{After: position{Position: Position{Epoch: "e", Seq: 5}, versions: map[uint32]int64{topicHash("cpu"): 7}}.cursor()}, "reading cpu 9"},
		{"the version just before", Opening{After: position{Position: Position{Epoch: "e", Seq: 5}, versions: map[uint32]int64{topicHash("cpu"): 8}}.cursor()}, "reading cpu 9 same"},
		{"an id", Opening{After: "e-4"}, "message 5, reading cpu 9"},
		{"Last-Event-ID", Opening{LastEventID: "e-4"}, "message 5, reading cpu 9"},
		{"both", Opening{After: position{Position: Position{Epoch: "e", Seq: 2}, versions: map[uint32]int64{topicHash("cpu"): 9}}.cursor(), LastEventID: "e-4"}, "message 5"},
		{"earliest", Opening{After: "earliest"}, "message 2, message 3, message 4, message 5, reading cpu 9"},
		{"earliest, again", Opening{After: "earliest", LastEventID: "e-4"}, "message 5, reading cpu 9"},
		{"the oldest position there is", Opening{After: "e-1"}, "message 2, message 3, message 4, message 5, reading cpu 9"},
		{"too old", Opening{After: "e-0"}, "reset, reading cpu 9"},
		{"ahead", Opening{After: "e-6"}, "reset, reading cpu 9"},
		{"another epoch", Opening{After: "f-4"}, "reset, reading cpu 9"},
		{"not a cursor", Opening{After: "nonsense"}, "reset, reading cpu 9"},
		{"not an id", Opening{LastEventID: "nonsense"}, "reset, reading cpu 9"},
		{"too old, but the versions are good", Opening{After: position{Position: Position{Epoch: "e"}, versions: map[uint32]int64{topicHash("cpu"): 9}}.cursor()}, "reset"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, Options{Keep: 4}, func(t *testing.T, h *Hub) {
				put(h, "cpu", 9)
				for seq := range int64(5) {
					say(h, seq+1, everybody)
				}
				tt.o.Topics = []string{"cpu"}
				s := open(t, h, tt.o)
				wants(t, "first", next(t, s), tt.want)
				wants(t, "then", next(t, s), "nothing")
				say(h, 6, everybody)
				wants(t, "and on", next(t, s), "message 6")
			})
		})
	}
}

func TestNextResets(t *testing.T) {
	inBubble(t, Options{Keep: 4}, func(t *testing.T, h *Hub) {
		s := open(t, h, Opening{})
		for seq := range int64(5) {
			say(h, seq+1, everybody)
		}
		batch, err := s.Next(t.Context(), time.Time{})
		if err != nil || words(batch.events) != "reset" {
			t.Fatalf("who fell behind the log: %s, %v; want a reset", words(batch.events), err)
		}
		wants(t, "reset", string(batch.events[0].data), `{"reason":"older messages are no longer kept","kept":4}`)
		wants(t, "its id", batch.events[0].id, "e-5")
		h.Restart("f", 0, nil)
		say(h, 1, everybody)
		wants(t, "a new log", next(t, s), "reset, message 1")
		h.Restart("g", 0, nil)
		h.Restart("h", 0, nil)
		wants(t, "another one, empty", next(t, s), "reset")
		say(h, 1, everybody)
		wants(t, "goes on", next(t, s), "message 1")
		wants(t, "cursor", s.cursor(), "h-1")
	})
}

func TestNextPassesMessagesForOthers(t *testing.T) {
	others := Address{Users: []string{"8"}}
	inBubble(t, Options{Keep: 4, KeepFor: time.Minute}, func(t *testing.T, h *Hub) {
		s := open(t, h, Opening{UnionID: "7", Rooms: []string{"r"}})
		wants(t, "at first", next(t, s), "nothing")
		for seq := range int64(100) { // faster than any session can follow
			say(h, seq+1, others)
		}
		wants(t, "the ring went round", next(t, s), "nothing")
		wants(t, "cursor", s.cursor(), "e-100")
		say(h, 101, others)
		time.Sleep(2 * time.Minute)
		wants(t, "they expired", next(t, s), "nothing")
		say(h, 102, everybody)
		for seq := int64(103); seq < 106; seq++ {
			say(h, seq, others)
		}
		wants(t, "the last one kept is for it", next(t, s), "message 102")
		wants(t, "cursor", s.cursor(), "e-105")
		say(h, 106, Address{Room: "r"})
		for seq := int64(107); seq < 111; seq++ {
			say(h, seq, others)
		}
		wants(t, "one that was for it is gone", next(t, s), "reset")
	})
}

func TestNextAfterJoining(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, h *Hub) {
		s := open(t, h, Opening{})
		wants(t, "at first", next(t, s), "nothing")
		put(h, "cpu", 3)
		say(h, 1, Address{Room: "r"}) // before it joins
		answered := make(chan error, 1)
		go func() {
			answered <- s.answer(t.Context(), "1", Reply{Result: "joined", Join: []string{"r"}, Subscribe: []string{"cpu"}})
		}()
		synctest.Wait()
		say(h, 2, Address{Room: "r"})
		wants(t, "reply first", next(t, s), "reply, message 2, reading cpu 3")
		select {
		case <-answered:
			t.Error("the next op is read before the reply is written")
		default:
		}
		wants(t, "then", next(t, s), "nothing")
		if err := <-answered; err != nil {
			t.Error(err)
		}
		go func() {
			answered <- s.answer(t.Context(), "2", Reply{Leave: []string{"r"}, Unsubscribe: []string{"cpu"}})
		}()
		synctest.Wait()
		say(h, 3, Address{Room: "r"})
		put(h, "cpu", 4)
		wants(t, "left", next(t, s), "reply")
		wants(t, "then", next(t, s), "nothing")
		if err := <-answered; err != nil || len(s.Topics())+len(s.Rooms()) > 0 || watched(h) > 0 {
			t.Errorf("answer = %v, topics %v, rooms %v, watched %d; want none", err, s.Topics(), s.Rooms(), watched(h))
		}
	})
}

func TestNextEnds(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, h *Hub) {
		s := open(t, h, Opening{})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := s.Next(ctx, time.Time{}); !errors.Is(err, context.Canceled) {
			t.Errorf("Next = %v; want Canceled", err)
		}
		s.Close()
		if _, err := s.Next(t.Context(), time.Time{}); !errors.Is(err, ErrClosed) {
			t.Errorf("Next = %v; want ErrClosed", err)
		}
	})
}
