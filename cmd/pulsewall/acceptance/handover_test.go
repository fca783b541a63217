package acceptance

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"
)

// relay is a fleet of three whose feed is watched on all, while its nodes come and go.
type relay struct {
	*fleet
	*audience
	t        *testing.T
	settings []nodeSettings // of the first nodes; the last is also that of later ones
	viewers  int            // at a node
	began    time.Time      // when everybody was there
	known    int            // poll whose reading everybody had when it was last waited for
}

func newRelay(t *testing.T, ahead [3]time.Duration) *relay {
	settings := make([]nodeSettings, 3)
	for i := range settings {
		settings[i] = nodeSettings{Interval: rhythm(), Took: rhythm() / 3, Ahead: ahead[i]}
	}
	r := &relay{fleet: newFleet(t, 1, nil, 3, settings...), audience: newAudience(t), t: t, settings: settings, viewers: 9}
	if isLong() {
		r.viewers = 99
	}
	return r
}

// visit has viewers of every kind at a node.
func (r *relay) visit(node *process) {
	for i := range r.viewers {
		r.watch(&node.site, transports[i%3], "counter", 1)
	}
}

// calm waits until everybody has a reading of a poll that begins from now on.
func (r *relay) calm() {
	r.t.Helper()
	now := time.Now()
	r.all(60*time.Second, func(s seen) bool { return s.At.After(now.Add(r.settings[0].Took)) })
	if r.began.IsZero() {
		r.began = time.Now()
	}
}

// poller is the place of the node whose poll was the last to begin, and whether it still runs.
func (r *relay) poller() (i int, running bool) {
	polls := r.tally.ledger().polls["counter"]
	last := polls[len(polls)-1]
	_, _ = fmt.Sscanf(last.begin.Node, "node-%d", &i)
	return i - 1, !last.ended()
}

// catch waits until a poll has just begun, or until everybody has just got its reading, and returns whose.
func (r *relay) catch(running bool) int {
	r.t.Helper()
	eventually(r.t, 60*time.Second, func() error {
		if _, now := r.poller(); now == running {
			return errors.New("it is now")
		}
		return nil
	})
	eventually(r.t, 60*time.Second, func() error {
		if _, now := r.poller(); now != running {
			return errors.New("not yet")
		}
		return nil
	})
	i, _ := r.poller()
	if polls := r.tally.ledger().polls["counter"]; !running {
		r.known = polls[len(polls)-1].number
		r.all(2*rhythm(), func(s seen) bool { return s.poll >= r.known })
	}
	return i
}

// again starts a node under the name and address that it had.
func (r *relay) again(i int) {
	r.t.Helper()
	old := r.nodes[i]
	r.fleet.start(fmt.Sprint("node-", i+1), old.address(), r.settings[i])
	r.nodes[i] = r.nodes[len(r.nodes)-1]
	r.nodes = r.nodes[:len(r.nodes)-1]
	together(r.t, r.sites())
	r.visit(r.nodes[i])
	r.calm()
}

// next waits until all have a newer reading, and returns how long after the given time the last of them had it.
func (r *relay) next(since time.Time) time.Duration {
	r.t.Helper()
	r.all(3*rhythm(), func(s seen) bool { return s.came.After(since.Add(50*time.Millisecond)) && s.At.After(since) })
	last := time.Time{}
	for _, v := range r.list {
		for _, s := range v.had() {
			if s.At.After(since) {
				if s.came.After(last) {
					last = s.came
				}
				break
			}
		}
	}
	return last.Sub(since)
}

// rhythmical says what was polled twice, or missed: from one poll to the next it is an interval, except for the cut one.
func (r *relay) rhythmical(cuts int) {
	r.t.Helper()
	l := r.tally.ledger()
	polls := l.between("counter", r.began, time.Now())
	off := time.Duration(0)
	for i := 1; i < len(polls); i++ {
		p, before := polls[i], polls[i-1]
		gap := p.begin.At.Sub(before.begin.At) - rhythm()
		off = max(off, gap.Abs())
		if gap < -noise() || isLong() && gap > noise() { // a busy machine may be late
			r.t.Errorf("poll %v after %v: want one poll an interval, also of those that are cut off", p, before)
		}
		if !before.ended() {
			cuts--
		}
	}
	if cuts > 0 || isLong() && cuts < 0 { // a busy machine cuts some itself
		r.t.Errorf("%d polls too few or too many have no end", -cuts)
	}
	r.compare(l, r.began)
	r.t.Logf("%d polls, at most %v off their time: %v", len(polls), off.Round(time.Millisecond), polls)
}

// TestComeAndGo has viewers and nodes that come and go, without a poll more or less: a viewer on a node where nobody watched has the newest
// reading at once; so has one on a node that joins late; and when everybody leaves the node that polls, the others go on.
func TestComeAndGo(t *testing.T) {
	t.Parallel()
	r := newRelay(t, rightClocks)
	r.visit(r.nodes[0])
	r.visit(r.nodes[1])
	r.calm()

	r.catch(false)
	r.arrive(r.nodes[2])
	r.calm()
	r.fleet.start("node-4", freeAddress(t), r.settings[2])
	r.catch(false)
	r.arrive(r.nodes[3])
	together(t, r.sites())
	r.calm()

	i := r.catch(false)
	r.leave(&r.nodes[i].site)
	pass(t, 5*rhythm()) // after three, the node forgets what was watched there
	if now, _ := r.poller(); now == i {
		t.Errorf("node %d goes on polling, where nobody watches", i+1)
	}
	r.visit(r.nodes[i])
	r.calm()
	r.rhythmical(0)
}

// arrive has somebody come to a node: the newest reading that everybody has is there at once.
func (r *relay) arrive(node *process) {
	r.t.Helper()
	for _, transport := range transports {
		v := r.watch(&node.site, transport, "counter", 1)
		came := time.Now()
		var first seen
		eventually(r.t, time.Second, func() error {
			for _, first = range v.had() {
				if isLong() || first.Status != "loading" { // which a busy machine says after 2 s
					return nil
				}
			}
			return errors.Join(errors.New("no reading"), v.err())
		})
		if first.Status != "ok" || first.poll < r.known {
			r.t.Errorf("%s has first %+v; want poll %d or later", v.name, first, r.known)
		}
		r.t.Logf("%s had a reading after %v", v.name, first.came.Sub(came).Round(time.Millisecond))
	}
}

// TestEndOfThePoller has the node end that polled last, between two polls and in the middle of one. When it is killed, the others have the
// next reading within two intervals; when it is told to stop, no interval is lost; and never is anything polled twice.
func TestEndOfThePoller(t *testing.T) {
	t.Parallel()
	if isLong() {
		t.Run("killed", func(t *testing.T) {
			t.Parallel()
			endOfThePoller(t, rightClocks, true, func(p *process) { p.kill() })
		})
	}
	t.Run("killed, with wrong clocks", func(t *testing.T) {
		t.Parallel()
		endOfThePoller(t, wrongClocks, true, func(p *process) { p.kill() })
	})
	t.Run("stopped", func(t *testing.T) {
		t.Parallel()
		endOfThePoller(t, rightClocks, false, func(p *process) {
			took, err := p.stop(syscall.SIGTERM)
			if err != nil || took > unhurried(10*time.Second) {
				t.Errorf("a node that is told to stop took %v: %v", took, err)
			}
			t.Logf("stopped in %v", took.Round(time.Millisecond))
		})
	})
}

// endOfThePoller ends nodes: one between two polls, one in the middle of one, which is cut off where the node is killed.
func endOfThePoller(t *testing.T, ahead [3]time.Duration, kills bool, end func(*process)) {
	r := newRelay(t, ahead)
	for _, n := range r.nodes {
		r.visit(n)
	}
	r.calm()
	cuts := 0
	for _, running := range []bool{false, true} {
		i := r.catch(running)
		r.leave(&r.nodes[i].site) // those of the others stay
		since := time.Now()
		end(r.nodes[i])
		if last, cut := r.poller(); kills && cut && last == i {
			cuts++
			running = true // a busy machine may be late for the moment
		} else if kills && running && isLong() {
			t.Error("the poll had ended before the node was killed")
		}
		after := r.next(since)
		if after > unhurried(2*rhythm()) {
			t.Errorf("the next reading came %v after the end of the node that polled last; want two intervals at most", after)
		}
		t.Logf("poll running: %v; the next reading came %v after the end of the node", running, after.Round(time.Millisecond))
		r.again(i)
	}
	r.rhythmical(cuts)
}

// address is the node's host:port.
func (p *process) address() string { return strings.TrimPrefix(p.URL, "http://") }
