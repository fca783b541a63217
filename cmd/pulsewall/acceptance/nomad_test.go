package acceptance

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// nomad is a client that keeps its position while it goes from one node and transport to another.
type nomad struct {
	user   string
	rooms  []string
	home   *site // it goes to no other node; nil: to any
	mover  bool  // it leaves and joins rooms on its way
	moves  []move
	asked  *move // that the node has not answered yet
	resets int
	tame   bool // it is what the package for programs does, each time without a session
	nodes  []*site
	until  *atomic.Pointer[place] // where the last letter stands, once that is known

	after, session string
	told           place // where a reset put it that it still stands on: what was before is lost to it
	events         []heard
	steps          []step
	stays          []stay
	hops, misses   int // stays, and those that found nobody
	openings       int // from a place in the order, and polls
	problem        error
	finished       bool // it is where the last letter stands, or further
}

// heard is a message or a reset, in the order in which they came.
type heard struct {
	place
	courier, number int
	came            time.Time
	reset           string // the reason
	by              string // the transport
	on              *site
	step            int // of the nomad
	resets          int // so far
	openings        int // from a place in the order, or polls, so far
}

// step is how far a nomad got, and the place of the reset that it stood on then.
type step struct{ to, told place }

// stay is a time during which the nomad was connected to a node, at least.
type stay struct {
	on       *site
	from, to time.Time
}

// means are the transports of programs.
var means = []string{"websocket", "sse", "poll"}

// mostStay is how long a nomad stays on one transport at most.
const mostStay = 1500 * time.Millisecond

// roam hops until the nomad has the last letter.
func (n *nomad) roam(ctx context.Context) {
	for ctx.Err() == nil && !n.finished && n.problem == nil {
		on := n.home
		if on == nil {
			on = n.nodes[rand.IntN(len(n.nodes))]
		}
		n.hops++
		n.settle()
		if n.mover && rand.IntN(2) == 0 {
			n.moved(n.choose())
			n.settle()
		}
		n.asks()
		here := stay{on: on}
		stay, cancel := context.WithTimeout(ctx, time.Duration(50+rand.IntN(int(mostStay.Milliseconds())))*time.Millisecond)
		transport := means[rand.IntN(len(means))]
		visit := n.visit
		if n.tame {
			visit = n.visitAs
		}
		err := visit(stay, transport, &here)
		if cancel(); here.from.IsZero() {
			n.misses++
			pauseFor(ctx, 50*time.Millisecond)
		} else {
			n.stays = append(n.stays, here)
		}
		if err != nil && strings.HasPrefix(err.Error(), "4") { // a status: what it asks for is always right
			n.problem = err
		}
	}
}

func pauseFor(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// visit follows a node by one transport until ctx ends.
func (n *nomad) visit(ctx context.Context, transport string, here *stay) error {
	query := url.Values{"unionId": {n.user}, "room": n.rooms}
	if n.after != "" {
		query.Set("after", n.after)
	}
	if n.session != "" {
		query.Set("session", n.session)
	}
	if transport == "poll" {
		return n.pollOn(ctx, query, here)
	}
	var c stream
	var err error
	if transport == "sse" {
		c, err = here.on.sse(ctx, query.Encode())
	} else {
		c, err = here.on.socket(ctx, query.Encode())
	}
	if err != nil {
		return err
	}
	n.asked = nil // of the connection before: it was not done, or what it did ended with that
	defer c.close()
	defer context.AfterFunc(ctx, c.close)()
	for n.problem == nil && !n.finished {
		e, err := c.next()
		now := time.Now()
		if err != nil {
			if ctx.Err() == nil { // the node went
				return nil
			}
			here.to = now
			return nil
		}
		if here.from.IsZero() {
			here.from = now
		}
		here.to = now
		n.take(e, transport, here.on, now)
		if socket, is := c.(*socket); is && n.mover && n.asked == nil && rand.IntN(4) == 0 {
			n.ask(socket)
		}
	}
	return nil
}

// pollOn asks again and again.
func (n *nomad) pollOn(ctx context.Context, query url.Values, here *stay) error {
	query.Set("wait", "1")
	for ; ctx.Err() == nil && n.problem == nil && !n.finished; n.asks() {
		if n.after == "" {
			query.Set("wait", "0")
		}
		begun := time.Now()
		got, err := here.on.poll(ctx, query.Encode())
		if err != nil {
			return err
		}
		now := time.Now()
		if here.from.IsZero() {
			here.from = begun
		}
		here.to = now
		for _, e := range got.Events {
			n.take(e, "poll", here.on, now)
		}
		n.reach(got.Cursor)
		query.Set("after", n.after)
		query.Set("session", n.session)
	}
	return nil
}

// take notes what comes.
func (n *nomad) take(e event, transport string, on *site, now time.Time) {
	if transport == "client by poll" { // it may be the first of an answer to a place in the order
		n.openings++
	}
	h := heard{came: now, by: transport, on: on, resets: n.resets, openings: n.openings}
	if e.ID != "" {
		h.place, h.step = n.reach(e.ID), len(n.steps)
	}
	switch e.Event {
	case "hello":
		var hello struct{ Session string }
		if err := json.Unmarshal(e.Data, &hello); err != nil || hello.Session == "" {
			n.problem = fmt.Errorf("hello %s: %w", e.Data, err)
		}
		n.session = hello.Session
	case "reset":
		var reset struct{ Reason string }
		if err := json.Unmarshal(e.Data, &reset); err != nil || reset.Reason == "" {
			n.problem = fmt.Errorf("reset %s: %w", e.Data, err)
		}
		h.reset, n.told = reset.Reason, h.place
		n.resets++
		n.events = append(n.events, h)
	case "message":
		var m struct {
			ID   string
			Data []int
		}
		if err := json.Unmarshal(e.Data, &m); err != nil || m.ID != e.ID || e.ID == "" || len(m.Data) != 2 {
			n.problem = fmt.Errorf("message %s with id %q: %w", e.Data, e.ID, err)
			return
		}
		h.courier, h.number = m.Data[0], m.Data[1]
		n.events = append(n.events, h)
	case "reply":
		var reply struct{ Problem json.RawMessage }
		if err := json.Unmarshal(e.Data, &reply); err != nil || reply.Problem != nil {
			n.problem = fmt.Errorf("reply %s: %w", e.Data, err)
		}
		n.moved(*n.asked)
	}
}

// asks notes that the nomad asks for what is after its position.
func (n *nomad) asks() {
	if from, _ := parsePlace(n.after); from.life == "" { // it was read before
		n.told = place{}
		n.openings++
	}
}

// reach moves the position.
func (n *nomad) reach(cursor string) place {
	at, err := parsePlace(cursor)
	if err != nil {
		n.problem = fmt.Errorf("cursor %q: %w", cursor, err)
	}
	n.after, n.steps = cursor, append(n.steps, step{at, n.told})
	n.settle()
	if last := n.until.Load(); last != nil && last.epoch == at.epoch && last.seq <= at.seq {
		n.finished = true
	}
	return at
}

// way tells for a verdict what came around a place, by what and where.
func (n *nomad) way(around place) string {
	at := slices.IndexFunc(n.events, func(h heard) bool { return h.place == around })
	var said []string
	for i := max(0, at-5); i < min(len(n.events), at+5); i++ {
		h := n.events[i]
		said = append(said, fmt.Sprintf("%v %s of %d-%d by %s at %s", h.place, h.reset, h.courier, h.number, h.by, h.on.URL))
	}
	return strings.Join(said, ", ")
}

// covered says whether a reset has told that a letter is lost, though it comes to the order only later. On a node alone it was said before, to those
// who were there; who has no session and goes on from a place there, which comes after it, was there as far as the node can know, and is not told
// again. A place in the order is of no node: who comes with one gets all after it.
func (n *nomad) covered(l placed, since heard) bool {
	if !n.tame {
		return false
	}
	for _, s := range n.steps[since.step:] {
		if s.to.seq >= l.seq { // here he came past it
			return slices.ContainsFunc(l.alone, func(said place) bool { return s.told.life == said.life && s.told.n >= said.n })
		}
	}
	return false
}

// passed says whether the nomad was on the node when a letter was said there alone, and stayed until something said later came, without a
// reset in between.
func (n *nomad) passed(l *letter) bool {
	for _, s := range n.stays {
		if s.on != l.on || s.from.After(l.begun) || s.to.Before(l.done) {
			continue
		}
		later := false
		for _, h := range n.events {
			if h.came.Before(l.begun) || h.came.After(s.to) {
				continue
			}
			if h.reset != "" {
				return false
			}
			later = later || h.life == l.at.life && h.n > l.at.n
		}
		return later
	}
	return false
}
