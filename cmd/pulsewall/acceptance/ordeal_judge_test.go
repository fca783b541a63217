package acceptance

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// excused says that the client has got the message, or was told after the given time that some are missing.
func (w *witness) excused(text string, since time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.got[text] || w.resets > 0 && !w.reset.Before(since)
}

func (w *witness) has(text string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.got[text]
}

// here says that the client has a position: from then on it misses nothing.
func (w *witness) here() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.came
}

// told returns how often the client was told that messages may be missing.
func (w *witness) told() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.resets
}

// toldAlone says that the client was told that its node is alone.
func (w *witness) toldAlone() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Contains(w.degraded, true)
}

// judge checks that every client got every message that was answered for without degraded, once and in one order, or a reset; and
// reports what it was. Before it nothing may be sent any more.
func (o *ordeal) judge() {
	o.t.Helper()
	pass(o.t, 3*time.Second) // nodes look every 2 s whether the log is still the same
	o.heardByAll("last")
	byID := make(map[string]string) // text by the id of the cluster's messages
	for _, w := range o.witnesses {
		o.orderly(w, byID)
	}
	shared, lonely, again := 0, 0, 0
	var longest time.Duration
	missed := make(map[string]int)
	for _, p := range o.speakers {
		longest, again = max(longest, p.longest), again+p.again
		for _, err := range p.failed {
			o.t.Errorf("through %s: %v", p.name, err)
		}
		for _, m := range p.list {
			if m.degraded {
				lonely++
				o.onlyOf(m)
				continue
			}
			shared++
			for _, w := range o.witnesses {
				if !w.excused(m.text, m.at) {
					missed[w.name]++
					if missed[w.name] <= 3 {
						o.t.Errorf("%s missed %q, answered with %s, silently", w.name, m.text, m.id)
					}
				}
			}
		}
	}
	resets := []string{}
	for _, w := range o.witnesses {
		resets = append(resets, fmt.Sprintf("%s %d", w.name, w.told()))
	}
	o.t.Logf("%d messages in the order, %d of nodes alone, %d sent again; longest call %v; asked %v; resets: %s", shared, lonely, again,
		longest.Round(time.Millisecond), o.asked, strings.Join(resets, ", "))
	if longest > unhurried(longestSend) {
		o.t.Errorf("a message took %v to be answered; want at most %v", longest, longestSend)
	}
	for path, took := range o.asked {
		if took > unhurried(longestAsk) {
			o.t.Errorf("%s took %v; want at most %v", path, took, longestAsk)
		}
	}
}

// orderly checks one client's log: between two resets each message once, in the order of ids, and under the same id the same message
// as at the others.
func (o *ordeal) orderly(w *witness, byID map[string]string) {
	o.t.Helper()
	seen := make(map[string]bool)
	var epoch string
	var last int64
	list, resets := w.heard(), 0
	for _, h := range list {
		if h.reset != "" {
			clear(seen)
			epoch = ""
			resets++
			continue
		}
		if seen[h.text] {
			o.t.Errorf("%s got %q twice", w.name, h.text)
		}
		seen[h.text] = true
		if alone(h.id) {
			continue
		}
		in, digits, _ := strings.Cut(h.id, "-")
		seq, err := strconv.ParseInt(digits, 10, 64)
		if err != nil || in == epoch && seq <= last || epoch != "" && in != epoch {
			o.t.Errorf("%s got %s after %s-%d", w.name, h.id, epoch, last)
		}
		epoch, last = in, seq
		told := resets < w.told() // since then
		if other, known := byID[h.id]; known && other != h.text && !told {
			o.t.Errorf("%s is %q for %s and %q for another", h.id, h.text, w.name, other)
		} else if !told {
			byID[h.id] = h.text
		}
	}
}

// onlyOf checks that a message of a node alone came to nobody who stayed at another.
func (o *ordeal) onlyOf(m spoken) {
	o.t.Helper()
	node, _, _ := strings.Cut(m.node, "/")
	for _, w := range o.witnesses[:len(o.fleet.nodes)] {
		if w.name != "client of "+node && w.has(m.text) {
			o.t.Errorf("%s got %q, which %s answered as degraded", w.name, m.text, node)
		}
	}
}
