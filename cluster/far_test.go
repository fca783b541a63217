package cluster

import (
	"errors"
	"testing"
	"time"
)

// unlinked is a node that is not connected to anything.
func unlinked(t *testing.T) *Hazelcast {
	h := NewHazelcast("a", newRecorder(), Options{Addresses: []string{"127.0.0.1:1"}})
	t.Cleanup(h.far.end)
	return h
}

// TestAnswerNamesBothEnds asks a holder while another end hears that a frame with the number of the question found nobody.
func TestAnswerNamesBothEnds(t *testing.T) {
	h := unlinked(t)
	sender := register(t, h, End{channelOf(t), "web"}, answers)
	holder, newcomer := seat{"b#1", 5}, seat{h.incarnation, 9}
	sender.found(holder)
	answer := make(chan bool, 1)
	go func() {
		answer <- h.far.ask(t.Context(), parcel{kind: kindAsk, to: holder, from: newcomer}, time.Minute)
	}()
	eventually(t, 30*time.Second, func() error {
		h.far.mu.Lock()
		defer h.far.mu.Unlock()
		if len(h.far.asked) == 0 {
			return errors.New("nothing is asked")
		}
		return nil
	})
	h.far.relay.deliver(parcel{kind: kindMissing, from: holder, to: sender.seat(), n: 1})
	h.far.relay.deliver(parcel{kind: kindAnswers, from: seat{"c#1", 5}, to: newcomer, n: 1})
	h.far.relay.deliver(parcel{kind: kindAnswers, from: holder, to: newcomer, n: 1})
	if !<-answer {
		t.Error("what a frame met was taken for the answer of the holder")
	}
	if sender.out.known {
		t.Error("the sender of the frame was not told")
	}
}

// TestUnheardNodes: an entry in the map of a node that died before anybody remembers is nobody, and costs nothing for long.
func TestUnheardNodes(t *testing.T) {
	h := unlinked(t)
	dead := seat{"b#long ago", 7}
	if got := h.far.known(dead); got != dead {
		t.Errorf("known(%v) = %v on a node that has not looked yet", dead, got)
	}
	h.nodes.first = time.Now().Add(-goneAfter - time.Second)
	if got := h.far.known(dead); got != (seat{}) {
		t.Errorf("known(%v) = %v, want nobody", dead, got)
	}
	b := h.far.of(dead.incarnation)
	h.far.forget()
	if h.far.of(dead.incarnation) != b {
		t.Error("a node that may have just begun is forgotten")
	}
	b.since = time.Now().Add(-goneAfter - time.Second)
	h.far.forget()
	if n := len(h.far.neighbours.known); n != 0 || b.life.Err() == nil {
		t.Errorf("%d neighbours are kept, and what runs for them: %v", n, b.life.Err())
	}
	h.nodes.known["b#now"] = &peer{Node: Node{Name: "b", Incarnation: "b#now"}}
	if alive := (seat{"b#now", 1}); h.far.known(alive) != alive {
		t.Error("a node that lives is not found")
	}
}

// TestNewcomerIsNobodyYet: while a newcomer may still be refused, nobody talks to it.
func TestNewcomerIsNobodyYet(t *testing.T) {
	c := NewLocal("a", newRecorder())
	end := End{channelOf(t), "app"}
	newcomer := &Registration{relay: c.relay, end: end, over: make(chan struct{}), expiry: time.NewTimer(time.Hour)}
	c.enter(newcomer)
	defer newcomer.finish(ErrReleased)
	web := register(t, c, end.Other(), answers)
	sendFrames(web, 1, 3, 8)
	if got := c.Relayed(); got.Passed["local"] != 0 || got.Dropped["absent"] != 3 {
		t.Errorf("Relayed() = %+v; want 3 dropped", got)
	}
}
