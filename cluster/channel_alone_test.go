package cluster

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/cluster/member"
)

// TestChannelsAlone takes the only member away: ends go on over a link and inside a node, and new ones connect. When there is a member
// again, an end that both nodes have is one node's, and all others stand in the map.
func TestChannelsAlone(t *testing.T) {
	t.Parallel()
	m := startMember(t, member.Options{})
	o := optionsFor(t, m)
	a, _ := linked(t, "a", o)
	b, _ := linked(t, "b", o)
	joined(t, time.Minute, a, b)
	across := channelOf(t)
	x, y := register(t, a, End{across, "app"}, answers), register(t, b, End{across, "web"}, answers)
	atY := collect(t, y)
	sent := 0
	eventually(t, time.Minute, func() error {
		sendFrames(x, sent, 1, 8)
		sent++
		if passed(a, "link") == 0 {
			return errors.New("no link")
		}
		return nil
	})
	atY.has(t, sent)

	m.Kill()
	degraded(t, time.Minute, a, b)
	sendFrames(x, sent, 500, 8)
	atY.has(t, sent+500)
	here := "h" + across[1:]
	p, q := register(t, a, End{here, "app"}, answers), register(t, a, End{here, "web"}, answers)
	atQ := collect(t, q)
	sendFrames(p, 0, 100, 8)
	atQ.has(t, 100)
	if _, err := a.Register(t.Context(), End{here, "app"}, answers); !errors.Is(err, ErrTaken) {
		t.Errorf("Register of what is held here = %v, want %v", err, ErrTaken)
	}
	both := End{"b" + across[1:], "app"}
	one, other := collect(t, register(t, a, both, answers)), collect(t, register(t, b, both, answers))

	startMember(t, member.Options{Port: m.Port()})
	joined(t, time.Minute, a, b)
	eventually(t, time.Minute, func() error {
		ended := 0
		for _, s := range []*sink{one, other} {
			select {
			case <-s.done:
				ended++
				if !errors.Is(s.err, ErrReplaced) {
					t.Fatalf("a second holder ended with %v, want %v", s.err, ErrReplaced)
				}
			default:
			}
		}
		if ended != 1 {
			return fmt.Errorf("%d of two holders have ended", ended)
		}
		return nil
	})
	for _, end := range []End{{across, "app"}, {across, "web"}, {here, "app"}, {here, "web"}} {
		eventually(t, time.Minute, func() error {
			for _, n := range []*node{a, b} {
				r, err := n.Register(t.Context(), end, answers)
				if err == nil {
					r.Close()
				}
				if !errors.Is(err, ErrTaken) {
					return fmt.Errorf("Register(%v) on %s = %w, want %w", end, n.Node(), err, ErrTaken)
				}
			}
			return nil
		})
	}
	sendFrames(x, sent+500, 100, 8)
	atY.has(t, sent+600)
}

// TestChannelNodeLeft has a node say goodbye: its ends are free.
func TestChannelNodeLeft(t *testing.T) {
	t.Parallel()
	o := optionsFor(t, startMember(t, member.Options{}))
	nodes := startNodes(t, 2, o)
	a, b := nodes[0], nodes[1]
	end := End{channelOf(t), "app"}
	left := register(t, b, end, answers)
	web := register(t, a, End{channelOf(t), "web"}, answers)
	sendFrames(web, 0, 10, 8)
	b.stop()
	if _, err := left.Receive(t.Context()); !errors.Is(err, ErrReleased) {
		t.Errorf("Receive on a node that left = %v, want %v", err, ErrReleased)
	}
	eventually(t, time.Minute, func() error {
		sendFrames(web, 0, 1, 8)
		if n := a.Relayed().Dropped["absent"]; n == 0 {
			return errors.New("frames go to a node that left")
		}
		return nil
	})
	got := collect(t, register(t, a, end, answers))
	sendFrames(web, 1, 10, 8)
	got.has(t, 10)
}

// TestChannelsFrozen has the only member stand still while frames go by topic: senders are held up once, and it goes on when it does.
func TestChannelsFrozen(t *testing.T) {
	t.Parallel()
	m := startMember(t, member.Options{})
	nodes := startNodes(t, 2, optionsFor(t, m))
	a, b := nodes[0], nodes[1]
	x, y := register(t, a, End{channelOf(t), "app"}, answers), register(t, b, End{channelOf(t), "web"}, answers)
	atY := collect(t, y)
	sendFrames(x, 0, 100, 8)
	atY.has(t, 100)
	m.Freeze()
	defer m.Thaw()
	begun := time.Now()
	sendFrames(x, 100, 5000, 8)
	took := time.Since(begun)
	register(t, a, End{"f" + channelOf(t)[1:], "app"}, answers)
	t.Logf("5,000 frames took %v, then a registration %v", took, time.Since(begun)-took)
	traffic := a.Relayed()
	if held := traffic.Passed["topic"] + traffic.Dropped["behind"] + traffic.Dropped["stuck"]; held != 5100 {
		t.Errorf("%d frames passed or dropped, want 5100: %+v", held, traffic)
	}
	m.Thaw()
	next := 10_000
	eventually(t, time.Minute, func() error {
		sendFrames(x, next, 1, 8)
		next++
		if atY.last() < 10_000 {
			return errors.New("nothing comes any more")
		}
		return nil
	})
	if atY.wrong > 0 {
		t.Errorf("%d came out of order or twice", atY.wrong)
	}
}
