package acceptance

import (
	"fmt"
	"regexp"
	"testing"
	"time"
)

// TestCutNode drops every packet between one of three nodes and both members: it is alone and says so, the others go on without it.
func TestCutNode(t *testing.T) {
	t.Parallel()
	underConditions(t, func(t *testing.T, c conditions) {
		n := newNetworks(t)
		if n == nil {
			return
		}
		o := newOrdeal(t, n.fleet(2, c.config, 3))
		end := o.load()
		pass(t, 2*time.Second)
		node, members := []string{"n1"}, []string{"m1", "m2"}
		n.cut(node, members)
		t.Logf("node-1 is alone after %v", o.degraded(15*time.Second, 1))
		pass(t, 15*time.Second)
		for i, s := range o.fleet.sites()[1:] {
			eventually(t, 0, func() error { // a busy machine may leave one alone for a moment
				if p := presenceOf(t, s); p.Degraded || len(p.Nodes) != 2 {
					return fmt.Errorf("node-%d sees %v, degraded %v; want the two that are left", i+2, p.Nodes, p.Degraded)
				}
				return nil
			})
		}
		n.mend(node, members)
		o.well(wellAgain)
		end()
		o.judge()
		o.nothingLost()
		o.noneLeft()
	})
}

// TestHalfCutNode drops every packet between one of two nodes and one of two members. The other member passes on what is meant for it.
func TestHalfCutNode(t *testing.T) {
	t.Parallel()
	underConditions(t, func(t *testing.T, c conditions) {
		for _, member := range either("m1", "m2") {
			t.Run(member, func(t *testing.T) {
				t.Parallel()
				n := newNetworks(t)
				if n == nil {
					return
				}
				o := newOrdeal(t, n.fleet(2, c.config, 2))
				end := o.load()
				pass(t, 2*time.Second)
				n.cut([]string{"n1"}, []string{member})
				pass(t, 15*time.Second)
				o.well(wellAgain) // before the end of the fault
				n.mend([]string{"n1"}, []string{member})
				pass(t, 2*time.Second)
				end()
				o.judge()
				o.nothingLost()
				o.noneLeft()
			})
		}
	})
}

// TestSplit drops every packet between two members, each with a node, until they are two clusters in which messages are written, and
// lets them merge.
func TestSplit(t *testing.T) {
	t.Parallel()
	underConditions(t, func(t *testing.T, c conditions) {
		n := newNetworks(t)
		if n == nil {
			return
		}
		o := newOrdeal(t, n.fleet(2, c.config, 2))
		end := o.load()
		pass(t, 2*time.Second)
		here, there := []string{"m1", "n1"}, []string{"m2", "n2"}
		n.cut(here, there)
		took := eventually(t, c.gone+20*time.Second, func() error {
			for i, s := range o.fleet.sites() {
				if p := presenceOf(t, s); p.Degraded || len(p.Nodes) != 1 {
					return fmt.Errorf("node-%d sees %v, degraded %v", i+1, p.Nodes, p.Degraded)
				}
			}
			return nil
		})
		t.Logf("two clusters after %v", took)
		for i, s := range o.fleet.sites() {
			if _, degraded, err := s.speak(fmt.Sprint("apart ", i+1)); err != nil || degraded {
				t.Errorf("a message through node-%d: degraded %v, %v", i+1, degraded, err)
			}
		}
		pass(t, 2*time.Second)
		n.mend(here, there)
		o.well(c.merged)
		end()
		o.judge()
		o.noneLeft()
	})
}

// TestMajority cuts one of three members off, and a node with it, while the members protect the log as their configuration says for
// three: as soon as they notice, that node is alone, and the larger half goes on.
func TestMajority(t *testing.T) {
	t.Parallel()
	n := newNetworks(t)
	if n == nil {
		return
	}
	three := regexp.MustCompile(`(?m)^( +)#(\S|  )`).ReplaceAll(tunedMembers(t), []byte("$1$2"))
	o := newOrdeal(t, n.fleet(3, three, 2))
	end := o.load()
	pass(t, 2*time.Second)
	here, there := []string{"m1", "n1"}, []string{"m2", "m3", "n2"}
	n.cut(here, there)
	took := eventually(t, 40*time.Second, func() error {
		if p := presenceOf(t, o.fleet.sites()[1]); p.Degraded || len(p.Nodes) != 1 || o.fleet.members[0].Size() != 1 {
			return fmt.Errorf("node-2 sees %v, degraded %v, and the smaller half has %d members", p.Nodes, p.Degraded, o.fleet.members[0].Size())
		}
		return nil
	})
	t.Logf("the larger half goes on after %v", took)
	o.degraded(5*time.Second, 1)
	for i, s := range o.fleet.sites() {
		if _, degraded, err := s.speak(fmt.Sprint("apart ", i+1)); err != nil || degraded != (i == 0) {
			t.Errorf("a message through node-%d: degraded %v, %v", i+1, degraded, err)
		}
	}
	n.mend(here, there)
	o.well(wellAgain)
	end()
	o.judge()
	o.noneLeft()
}
