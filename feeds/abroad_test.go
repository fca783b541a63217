package feeds

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

var machine = Description{Whole: true, PerNode: true, ID: "id", Values: []string{"value"}, Filters: []string{"kind"}}

// tell lets each node know what the others want of it, as the program does.
func (m *mesh) tell() {
	for _, n := range m.nodes {
		for node, names := range n.WantedElsewhere() {
			i := slices.IndexFunc(m.nodes, func(o *meshNode) bool { return o.name == node })
			for _, name := range names {
				if err := m.nodes[i].WantFor(name, time.Now().Add(9*time.Second)); err != nil {
					m.t.Error(err)
				}
			}
		}
	}
}

// pass lets time pass, with the nodes telling each other every 3 s.
func (m *mesh) pass(d time.Duration) {
	for ; d > 0; d -= 3 * time.Second {
		m.tell()
		time.Sleep(min(d, 3*time.Second))
	}
}

func TestMachineOfAnotherNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, srcs := newMesh(t), make([]*fakeSource, 3)
		defer m.stop()
		for i := range srcs {
			srcs[i] = slowly(time.Second)
			srcs[i].Description = machine
			m.join(0, Feed{Name: "host", Source: srcs[i]})
		}
		n1, n2, n3 := m.nodes[0], m.nodes[1], m.nodes[2]
		own, _ := n1.watch("host")
		if own.Node != "node-1" {
			t.Fatalf("plain host is %s", own)
		}
		sub, release := n1.watch("host@node-2;kind=odd")
		_, release3 := n3.watch("host@node-2/-/2")
		m.pass(33 * time.Second)
		if a, b, c := srcs[0].count(), srcs[1].count(), srcs[2].count(); a != 4 || b != 4 || c != 0 {
			t.Errorf("polls %d, %d, %d; want 4, 4, 0: each machine by its own node, if anybody wants it", a, b, c)
		}
		n2.watch("host;kind=odd")
		m.pass(12 * time.Second)
		wantEqual(t, m.nodes, sub)
		if n1.last(sub).Version != n2.last(sub).Version || n2.last(sub).Page.Total != 20 {
			t.Errorf("versions %d and %d", n1.last(sub).Version, n2.last(sub).Version)
		}
		if n1.sent.Load() != 0 || n2.sent.Load() < 4 {
			t.Errorf("sent %d and %d; want only what others want", n1.sent.Load(), n2.sent.Load())
		}
		if got := n1.WantedElsewhere()["node-2"]; !slices.Equal(got, []string{"host@node-2"}) {
			t.Errorf("wanted elsewhere: %v", got)
		}
		release()
		release3()
		m.pass(45 * time.Second)
		sent := n2.sent.Load()
		m.pass(30 * time.Second)
		if n2.sent.Load() != sent || len(n1.WantedElsewhere()) != 0 || n1.dropped(sub) != 1 {
			t.Errorf("%d more sent, %v wanted, %d drops; want an end of it", n2.sent.Load()-sent, n1.WantedElsewhere(), n1.dropped(sub))
		}
	})
}

func TestMachineOfANodeThatIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t)
		defer m.stop()
		src := slowly(0)
		src.Description = machine
		feed := Feed{Name: "host", Source: src}
		n1, n2, n3 := m.join(0, feed), m.join(-15*time.Second, feed), m.join(0, feed)
		sub, _ := n1.watch("host@node-2")
		m.pass(24 * time.Second)
		good := n1.last(sub)
		n2.kill()
		time.Sleep(11 * time.Second)
		r := n1.last(sub)
		if r.Reason != ReasonFailed || r.Error != "Node node-2 cannot be reached." || !r.At.Equal(good.At) || !r.Due.IsZero() || r.Version <= good.Version {
			t.Errorf("reading = %+v", r)
		}
		time.Sleep(60 * time.Second)
		if got := n1.last(sub); got.Version != r.Version {
			t.Errorf("it is said more than once: %s", describe(got, n1.t0))
		}
		began := time.Now()
		if got, err := n1.Newest(t.Context(), sub); err != nil || got.Version != r.Version || time.Since(began) > 0 {
			t.Errorf("Newest = %+v, %v; want it at once", got, err)
		}
		n3.watch("host@node-2")
		late, _ := n1.watch("host@node-2/-/2")
		time.Sleep(time.Second)
		if got := n3.last(sub); got.Status != Failed || got.Error != r.Error {
			t.Errorf("a node that never saw it shows %s", describe(got, n1.t0))
		}
		if got := n1.last(late); got.Reason != ReasonFailed || got.Page == nil {
			t.Errorf("another page of it is %s", describe(got, n1.t0))
		}
		// It comes back under its name.
		n4 := m.join(-15*time.Second, feed)
		n4.set(func(n *meshNode) { n.dead = true })
		n2.set(func(n *meshNode) { n.dead = false })
		n2.rig = startRig(t, Options{Node: "node-2", Peers: n2, Now: func() time.Time { return time.Now().Add(n2.skew) }}, feed)
		m.pass(12 * time.Second)
		for _, n := range []*meshNode{n1, n3} {
			if got := n.last(sub); got.Status != OK || got.At.Before(began) {
				t.Errorf("%s shows %s after it is back", n.name, describe(got, n1.t0))
			}
		}
	})
}

func TestNodesThatNobodyKnows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t)
		defer m.stop()
		shared, own := slowly(0), slowly(0)
		own.Description = machine
		n := m.join(0, Feed{Name: "a", Source: shared}, Feed{Name: "host", Source: own})
		m.join(0, Feed{Name: "a", Source: shared}, Feed{Name: "host", Source: own})
		for name, want := range map[string]error{
			"host@node-9": ErrUnknownFeed, "host@node-2": ErrUnknownFeed, "a": ErrUnknownFeed, "none": ErrUnknownFeed,
			"host@node-1/-/1/10": ErrBadSubscription, "host@": ErrBadSubscription,
		} {
			if err := n.WantFor(name, time.Now().Add(time.Minute)); !errors.Is(err, want) {
				t.Errorf("WantFor(%q) = %v; want %v", name, err, want)
			}
		}
		nobody, _ := n.watch("host@node-9")
		sub, _ := n.watch("a")
		time.Sleep(time.Second)
		if got := n.last(nobody); got.Status != Failed || got.Error != "No node node-9 is known here." {
			t.Errorf("the machine of nobody is %s", describe(got, n.t0))
		}
		good := n.last(sub)
		for data, fails := range map[string]bool{"": true, "{}": true, "[]": true, `{"failure":"x"} {}`: true} {
			if err := n.Accept("a", Remote{Version: good.Version + 100, Data: []byte(data)}); (err != nil) != fails {
				t.Errorf("Accept(%q) = %v", data, err)
			}
		}
		if err := n.Accept("a", Remote{Version: good.Version, Data: []byte("not read, for it is not newer")}); err != nil {
			t.Error(err)
		}
		if err := n.Accept("host@node-1", Remote{Version: good.Version, Data: []byte("nobody else measures this machine")}); err != nil {
			t.Error(err)
		}
		if got := n.last(sub); got.Version != good.Version {
			t.Errorf("took %+v", got)
		}
	})
}
