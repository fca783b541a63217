package transport

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"
)

// country is two nodes and the order of messages that they follow, each with a lag of its own. A node may be cut off: then it says
// messages of its own, and reads on when it is back, or takes what is kept when some were lost to it.
type country struct {
	epoch  int
	order  []Item // as the cluster has it; Seq is the place, counted from 1
	nodes  [2]*village
	keys   []string        // of what was said alone
	orphan map[string]bool // keys of what was said alone before the reset that a traveller without a session still stands on: to him a repeat of it was before, too
}

type village struct {
	hub   *Hub
	life  string
	epoch int
	read  int // items of the order
	alone atomic.Bool
	said  []Item // alone
}

func (c *country) name() string { return fmt.Sprint("e", c.epoch) }

func (c *country) found(keep int) {
	for i, life := range []string{"l", "m"} {
		v := &village{life: life}
		v.hub = NewHub(Options{
			Node: life, Epoch: c.name(), Keep: keep,
			Nodes: func() ([]string, bool) { return []string{"l", "m"}, v.alone.Load() },
			Reached: func(_ context.Context, epoch string, seq int64) bool {
				if v.alone.Load() {
					return false
				}
				c.follow(v, len(c.order))
				return epoch == c.name() && seq <= int64(len(c.order))
			},
		})
		c.nodes[i] = v
	}
}

// publish says a message to the whole cluster, perhaps one that was said alone before.
func (c *country) publish(t *rapid.T) {
	item := Item{Position: Position{Epoch: c.name(), Seq: int64(len(c.order)) + 1}, Key: fmt.Sprint("k", len(c.order))}
	item.Message = Message{To: somebody.Draw(t, "to")}
	if len(c.keys) > 0 && rapid.IntRange(0, 3).Draw(t, "again") == 0 {
		item.Key, item.Message.To = c.keys[len(c.keys)-1], everybody
		c.keys = c.keys[:len(c.keys)-1]
	}
	c.order = append(c.order, item)
}

// follow has a node read the order up to there.
func (c *country) follow(v *village, end int) {
	if v.epoch != c.epoch {
		c.begin(v, 0)
	}
	for ; v.read < end; v.read++ {
		v.hub.Append(c.order[v.read])
	}
}

// begin has a node take all that is kept, after some that are not.
func (c *country) begin(v *village, after int) {
	v.hub.Restart(c.name(), int64(after), c.order[after:])
	v.epoch, v.read = c.epoch, len(c.order)
}

// sayAlone says something on a node that is cut off.
func (c *country) sayAlone(t *rapid.T, v *village) {
	p := Position{Epoch: fmt.Sprint("e", v.epoch), Seq: int64(v.read), Life: v.life, N: int64(len(v.said)) + 1}
	item := Item{Position: p, Key: fmt.Sprint(v.life, p.N), Message: Message{To: somebody.Draw(t, "to")}}
	if item.Message.To.All {
		c.keys = append(c.keys, item.Key)
	}
	v.said = append(v.said, item)
	v.hub.Append(item)
}

// happen does one thing to a node or to the order.
func (c *country) happen(t *rapid.T) {
	v := c.nodes[rapid.IntRange(0, 1).Draw(t, "node")]
	switch what := rapid.IntRange(0, 19).Draw(t, "what"); {
	case what < 8:
		c.publish(t)
	case what < 12 && !v.alone.Load():
		c.follow(v, rapid.IntRange(v.read, max(v.read, len(c.order))).Draw(t, "read"))
	case what < 14 && v.alone.Load():
		c.sayAlone(t, v)
	case what < 17:
		v.alone.Store(!v.alone.Load())
		v.hub.look()
	case what == 17 && !v.alone.Load(): // what it missed is not kept any more, or it is
		c.begin(v, rapid.IntRange(0, len(c.order)).Draw(t, "after"))
	case what == 18 && rapid.IntRange(0, 4).Draw(t, "anew") == 0: // the log was lost, and a part of it is kept under another name
		c.epoch++
		for i := range c.order {
			c.order[i].Epoch = c.name()
		}
	}
}

// traveller is a hopper between the nodes.
type traveller struct {
	hopper
	at    *village
	opens int    // what had been said alone where it is, when it came
	plain bool   // it came with a position that all nodes know, to a node in good state
	got   []Item // of one stretch without a reset
	all   map[string]bool
	reset bool // the stretch began with one
}

func (c *traveller) note(t *rapid.T, country *country, events []*event) {
	for _, e := range events {
		switch e.name {
		case "reset":
			c.got, c.reset = nil, true
			clear(country.orphan)
			for _, item := range c.at.said {
				country.orphan[item.Key] = c.o.Session == ""
			}
		case "message":
			p, err := parseCursor(e.id)
			if err != nil {
				t.Fatal(err)
			}
			item, old := Item{}, false
			if p.Alone() {
				item, old = c.at.said[p.N-1], int(p.N) <= c.opens
			} else {
				item = country.order[p.Seq-1]
			}
			if p.Alone() && (p.Life != c.at.life || c.plain && old && c.o.Session == "") { // with a session it may have been here before
				t.Fatalf("got %s on %s; want nothing that another node said alone, or this one before it came", e.id, c.at.life)
			}
			c.check(t, country, Item{Position: p.Position, Key: item.Key, Message: item.Message})
		}
	}
}

// settle ends what a reset covers when the traveller comes with a place in the order: what stands after that is for it.
func (c *traveller) settle(t *rapid.T, country *country) {
	from, err := parseCursor(c.hopper.at)
	if err != nil {
		t.Fatal(err)
	}
	if from.Alone() {
		return
	}
	for _, item := range country.order[:min(int(from.Seq), len(country.order))] {
		c.all[item.Key] = c.all[item.Key] || country.orphan[item.Key]
	}
	clear(country.orphan)
}

// check holds a message against the last one before it: it is later, and nothing was left out that was for it.
func (c *traveller) check(t *rapid.T, country *country, item Item) {
	last := Position{}
	if len(c.got) > 0 {
		last = c.got[len(c.got)-1].Position
		if !item.later(last) {
			t.Fatalf("got %s after %s without a reset", item.ID(), last.ID())
		}
	}
	end := item.Seq
	if !item.Alone() {
		end-- // all before it
	}
	if len(c.got) > 0 || !c.reset {
		c.missing(t, country, last.Seq, end)
	}
	c.got = append(c.got, item)
	c.all[item.Key] = true
}

// missing fails when a message of the cluster from after up to a place is for the traveller, and it has not got it.
func (c *traveller) missing(t *rapid.T, country *country, after, to int64) {
	me := Reader{UnionID: c.o.UnionID, Rooms: c.o.Rooms}
	for _, item := range country.order[after:to] {
		if item.Message.To.reaches(me) && !c.all[item.Key] && !country.orphan[item.Key] {
			t.Fatalf("got %v; %s is missing without a reset", c.got, item.ID())
		}
	}
}

// TestTravelling is the promise of messages over two nodes: each once, in order, to a client that keeps its cursor on whatever
// transport and node; or a reset. What a node said alone goes to who is there, and to nobody who comes later from elsewhere.
func TestTravelling(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		country := &country{orphan: make(map[string]bool)}
		country.found(rapid.SampledFrom([]int{8, 1000}).Draw(t, "keep"))
		for _, v := range country.nodes {
			defer v.hub.Close()
		}
		c := &traveller{all: make(map[string]bool)}
		c.o, c.hopper.at = Opening{UnionID: "7", Rooms: []string{"r"}}, "e0-0"
		c.o.Session = rapid.SampledFrom([]string{"", "tab"}).Draw(t, "session")
		c.take = func(events []*event) { c.note(t, country, events) }
		c.meanwhile = country.happen
		c.isCaughtUp = func(t *rapid.T) {
			for _, item := range c.at.said[c.opens:] {
				if !c.reset && item.Message.To.reaches(Reader{UnionID: "7", Rooms: c.o.Rooms}) && !c.all[item.Key] {
					t.Fatalf("got %v; %s is missing, though it was there", c.got, item.ID())
				}
			}
		}
		travel := func(v *village) {
			c.at, c.hub, c.opens = v, v.hub, len(v.said)
			c.settle(t, country)
			c.plain = !strings.Contains(c.hopper.at, "+") && !v.alone.Load() && !v.hub.log.alone
			c.hop(t)
		}
		for range rapid.IntRange(1, 40).Draw(t, "hops") {
			for range rapid.IntRange(0, 8).Draw(t, "events") {
				country.happen(t)
			}
			travel(country.nodes[rapid.IntRange(0, 1).Draw(t, "to")])
		}
		for _, v := range country.nodes { // all is well at last
			v.alone.Store(false)
			v.hub.look()
			country.follow(v, len(country.order))
		}
		c.meanwhile = func(*rapid.T) {}
		for range 100 {
			travel(country.nodes[0])
		}
		if len(c.got) > 0 || !c.reset {
			last := int64(0)
			if len(c.got) > 0 {
				last = slices.MaxFunc(c.got, func(a, b Item) int { return int(a.Seq - b.Seq) }).Seq
			}
			c.missing(t, country, last, int64(len(country.order)))
		}
	})
}
