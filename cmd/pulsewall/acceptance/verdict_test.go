package acceptance

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"
)

// Reasons of a reset.
const (
	anew      = "the log of messages began anew"
	elsewhere = "the position is of a node that was alone"
	ahead     = "the position is ahead of the log"
)

// verdict is what became of the letters of a journey.
type verdict struct {
	letters map[[2]int]*letter
	order   map[string][]placed // by epoch; of the cluster's places alone, in order
	lives   map[string]*site    // which node was alone under a name
	last    place

	problems                         []string
	resets                           []heard
	came, alone, doubts, again, hops int
	missed                           int // openings that found nobody
	delays                           []time.Duration
}

// placed is a letter with its place in the order.
type placed struct {
	seq int64
	*letter
}

// judge compares what came with what was sent.
func (j *journey) judge() *verdict {
	v := &verdict{letters: make(map[[2]int]*letter), order: make(map[string][]placed), lives: make(map[string]*site), last: *j.until.Load()}
	v.fail(j.couriers.problem)
	at := make(map[place]*letter)
	put := func(p place, l *letter) {
		if other := at[p]; other != nil && other != l {
			v.failf("%v and %v at %v", other, l, p)
		}
		at[p] = l
	}
	for _, l := range j.letters {
		v.letters[[2]int{l.courier, l.number}] = l
		switch {
		case l.at.epoch == "":
			v.failf("%v was never answered", l)
			continue
		case l.degraded:
			v.alone++
			v.lives[l.at.life] = l.on
			l.alone = append(l.alone, l.at)
		}
		if l.doubt {
			v.doubts++
		}
		put(l.at, l)
	}
	for _, n := range j.nomads {
		v.fail(n.problem)
		for _, h := range n.events {
			if l := v.letters[[2]int{h.courier, h.number}]; h.reset == "" && l != nil {
				put(h.place, l)
				if h.life != "" {
					l.alone = append(l.alone, h.place)
				}
			}
		}
	}
	for p, l := range at {
		if p.life == "" {
			v.order[p.epoch] = append(v.order[p.epoch], placed{p.seq, l})
		}
	}
	for _, list := range v.order {
		slices.SortFunc(list, func(a, b placed) int { return cmp.Compare(a.seq, b.seq) })
	}
	for i, n := range j.nomads {
		v.follow(i, n, j.from)
	}
	return v
}

func (v *verdict) fail(err error) {
	if err != nil {
		v.failf("%v", err)
	}
}

func (v *verdict) failf(format string, args ...any) {
	v.problems = append(v.problems, fmt.Sprintf(format, args...))
}

// follow goes the way of a nomad: what comes is later than what came before, nothing for him was left out, and nothing came twice,
// but around a reset, or where he had it from a node alone and came again from the order.
func (v *verdict) follow(i int, n *nomad, from place) {
	had, at := make(map[*letter]heard), heard{place: from}
	for _, h := range n.events {
		if h.reset != "" {
			v.resets = append(v.resets, h)
			at = h
			continue
		}
		l := v.letters[[2]int{h.courier, h.number}]
		wanted := true
		if l != nil {
			yes, known := n.isFor(l, h.place)
			wanted = yes || !known
		}
		before, again := had[l]
		switch later := cmp.Or(cmp.Compare(h.seq, at.seq), cmp.Compare(h.n, at.n)) > 0; {
		case l == nil || !wanted:
			v.failf("nomad %d got %v, which is not for him", i, l)
			continue
		case h.epoch != at.epoch || !later:
			v.failf("nomad %d got %v at %v after %v without a reset", i, l, h.place, at.place)
		case again && !h.repeats(before, l):
			v.failf("nomad %d got %v, which he had at %v, again at %v; asked again: %v; resets %d, openings from the order %d since; he went %s", i, l, before.place, h.place,
				l.doubt, h.resets-before.resets, h.openings-before.openings, n.way(h.place))
		case again:
			v.again++
		case h.life != "" && v.lives[h.life] != nil && v.lives[h.life] != h.on:
			v.failf("nomad %d got %v of a node that was alone on another", i, l)
		}
		to := h.place
		if h.life == "" {
			to.seq--
		}
		v.missing(i, n, had, at, to)
		had[l], at = h, h
		v.came++
		if !l.doubt && h.resets == 0 {
			v.delays = append(v.delays, h.came.Sub(l.begun))
		}
	}
	if v.missing(i, n, had, at, v.last); at.epoch != v.last.epoch {
		v.failf("nomad %d ended at %v without a reset", i, at.place)
	}
	v.hops += n.hops
	v.missed += n.misses
	v.here(i, n, had)
}

// repeats says whether a letter may come where it does though it came before: at the same place, to which only a reset leads back; or because it was
// sent twice, when no answer came, and a reset was between, or a node alone had said it first and the nomad has since come from the order, as those
// do whom it was not said to.
func (h heard) repeats(before heard, l *letter) bool {
	return h.place == before.place || l.doubt && (h.resets > before.resets || before.life != "" && h.openings > before.openings)
}

// missing fails when something for the nomad stands after one place and up to another, and he has not got it.
func (v *verdict) missing(i int, n *nomad, had map[*letter]heard, after heard, to place) {
	list := v.order[after.epoch]
	from, _ := slices.BinarySearchFunc(list, after.seq+1, func(p placed, seq int64) int { return cmp.Compare(p.seq, seq) })
	for _, p := range list[from:] {
		if p.seq > to.seq {
			return
		}
		if yes, known := n.isFor(p.letter, place{epoch: after.epoch, seq: p.seq}); yes && known && !has(had, p.letter) && !n.covered(p, after) {
			v.failf("nomad %d misses %v at %d without a reset: he came from %v to %v\nasked again: %v; said alone: %v; he went %s",
				i, p.letter, p.seq, after.place, to, p.doubt, p.degraded, n.way(after.place))
		}
	}
}

func has(had map[*letter]heard, l *letter) bool {
	_, yes := had[l]
	return yes
}

// here fails when something was said on a node alone while the nomad was there, and he has not got it.
func (v *verdict) here(i int, n *nomad, had map[*letter]heard) {
	for _, l := range v.letters {
		if yes, known := n.isFor(l, l.at); yes && known && l.degraded && !l.doubt && !has(had, l) && n.passed(l) {
			v.failf("nomad %d was on a node alone and misses %v", i, l)
		}
	}
}

// log tells what was seen.
func (v *verdict) log(t *testing.T) {
	t.Helper()
	for _, problem := range v.problems[:min(10, len(v.problems))] {
		t.Error(problem)
	}
	if len(v.problems) > 10 {
		t.Errorf("and %d more", len(v.problems)-10)
	}
	reasons := make(map[string]int)
	for _, h := range v.resets {
		reasons[h.reset]++
	}
	slices.Sort(v.delays)
	at := func(part float64) time.Duration {
		if len(v.delays) == 0 {
			return 0
		}
		return v.delays[int(part*float64(len(v.delays)-1))].Round(time.Millisecond)
	}
	t.Logf("%d letters (%d alone, %d asked again), %d receipts over %d hops, %d of which found nobody; from sending to receipt p50 %v, p99 %v, max %v; resets %v, %d letters again after one",
		len(v.letters), v.alone, v.doubts, v.came, v.hops, v.missed, at(0.5), at(0.99), at(1), reasons, v.again)
	if epochs := len(v.order); epochs > 1 {
		t.Logf("epochs: %v", slices.Collect(maps.Keys(v.order)))
	}
}

// keptAtLeast is how many of the newest messages must be there for who comes with after=earliest: some fewer than are kept.
const keptAtLeast = 9000

// fromTheBeginning asks every node for all that is kept.
func (j *journey) fromTheBeginning(v *verdict) {
	j.t.Helper()
	n := j.nomads[0]
	for i, on := range j.sites {
		ctx, cancel := context.WithTimeout(j.t.Context(), unhurried(20*time.Second))
		reader := &nomad{user: n.user, rooms: n.rooms, nodes: n.nodes, until: n.until, after: "earliest"}
		if err := reader.visit(ctx, means[i%len(means)], &stay{on: on}); err != nil || !reader.finished {
			j.t.Errorf("node %d from the earliest: %v, %v", i+1, err, reader.problem)
		}
		cancel()
		var got, want []*letter
		for _, h := range reader.events {
			got = append(got, v.letters[[2]int{h.courier, h.number}])
		}
		first := v.last.seq - keptAtLeast
		if len(reader.events) > 0 {
			first = min(first, reader.events[0].seq-1)
		}
		for _, p := range v.order[v.last.epoch] {
			if p.seq > first && p.isFor(n.user, n.rooms) && !slices.Contains(want, p.letter) {
				want = append(want, p.letter)
			}
		}
		if !slices.Equal(got, want) {
			j.t.Errorf("node %d from the earliest: %d letters; want %d", i+1, len(got), len(want))
		}
		j.t.Logf("node %d from the earliest: %d letters", i+1, len(got))
	}
}
