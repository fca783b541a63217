package acceptance

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/cluster/member"
)

// journey is couriers and nomads over three nodes and two members.
type journey struct {
	*fleet
	couriers
	nomads []*nomad
	from   place // where all nomads begin
	until  atomic.Pointer[place]
	config []byte
	sites  []*site // at the addresses of the nodes, which a node that starts again keeps
	all    sync.WaitGroup
}

// newJourney starts the nodes and the nomads. Each settler-th nomad, if any, stays on one node.
func newJourney(t *testing.T, nomads, settlers int) *journey {
	t.Helper()
	config, err := os.ReadFile("../../../deploy/hazelcast.yaml")
	if err != nil {
		t.Fatal(err)
	}
	j := &journey{fleet: newFleet(t, 2, config, 3), config: config}
	j.depart(j.fleet.sites(), nomads, settlers)
	return j
}

// depart sends the nomads on their way between some nodes. Each settler-th, if any, stays on one; where there are none, half of them leave
// and join rooms.
func (j *journey) depart(sites []*site, nomads, settlers int) {
	j.t.Helper()
	j.sites, j.couriers.nodes = sites, sites
	for i := range nomads {
		n := &nomad{user: fmt.Sprint(100 + i%100), rooms: []string{fmt.Sprint("r", i%10)}, nodes: j.sites, until: &j.until, tame: i%5 == 4}
		n.mover = settlers == 0 && i%2 == 1 // what is said on a node alone has no place by which a move could be judged
		if i%3 == 0 && i/10%10 != i%10 {
			n.rooms = append(n.rooms, fmt.Sprint("r", i/10%10))
		}
		if settlers > 0 && i%settlers == 0 {
			n.home = j.sites[i/settlers%len(j.sites)]
		}
		j.nomads = append(j.nomads, n)
	}
	ctx, stop := context.WithCancel(context.Background())
	j.t.Cleanup(func() {
		stop()
		j.all.Wait()
	})
	first, err := j.sites[0].poll(ctx, "wait=0")
	if err != nil {
		j.t.Fatal(err)
	}
	if j.from, err = parsePlace(first.Cursor); err != nil {
		j.t.Fatal(err)
	}
	for _, n := range j.nomads {
		n.after = first.Cursor
		j.all.Go(func() { n.roam(ctx) })
	}
}

// send has so many couriers send letters at a rate until the end, while things happen.
func (j *journey) send(couriers int, every, span time.Duration, meanwhile func(began time.Time)) {
	j.t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), span)
	var sending sync.WaitGroup
	j.t.Cleanup(sending.Wait) // after the end of a test that has failed, too
	j.t.Cleanup(stop)
	for i := range couriers {
		sending.Go(func() { j.couriers.send(ctx, i, every) })
	}
	meanwhile(time.Now())
	sending.Wait()
}

// arrive sends the last letters and waits until every nomad has got as far as they stand.
func (j *journey) arrive(limit time.Duration) {
	j.t.Helper()
	var last *letter
	for number := 0; ; number++ {
		last = &letter{courier: 99, number: number, all: true}
		j.deliver(last, j.sites[0])
		if last.at.epoch == "" {
			j.t.Fatalf("the last letter is not answered")
		}
		if !last.degraded {
			break
		}
		pass(j.t, 500*time.Millisecond)
	}
	j.until.Store(&last.at)
	arrived := make(chan struct{})
	go func() {
		j.all.Wait()
		close(arrived)
	}()
	select {
	case <-arrived:
	case <-time.After(limit):
		j.t.Fatalf("after %v some nomads have not come to %v", limit, last.at)
	}
}

// at waits until so much of a span has passed.
func (j *journey) at(began time.Time, part float64, span time.Duration) {
	j.t.Helper()
	pass(j.t, time.Until(began.Add(time.Duration(part*float64(span)))))
}

// wereAlone says whether a node had no answer for so long that it went on alone, as happens on a machine that has too much to do.
func (j *journey) wereAlone() bool {
	return slices.ContainsFunc(j.fleet.nodes, func(p *process) bool { return strings.Contains(p.out.String(), "goes on alone") })
}

// again starts a member at its old address.
func (j *journey) again(i int) {
	j.t.Helper()
	m, err := member.Start(j.t.Context(), member.Options{
		Port: j.members[i].Port(), Peers: []string{j.members[1-i].Addr()}, Config: j.config,
	})
	if err != nil {
		j.t.Fatal(err)
	}
	j.t.Cleanup(m.Close)
	j.members[i] = m
}

// TestTravel has nomads hop between three nodes and all transports while couriers send letters through the nodes, to all, to rooms, to users
// and to users in rooms; a node is killed, one of two members is killed, and the node starts again. Every letter reaches everybody it is for
// once, in one order, and nobody else. Half of the nomads leave and join rooms on their way, a fifth is what the package for programs does. It takes 12 s with 60
// nomads and 150 letters a second; with PULSEWALL_LONG 60 s with 300 and 600. It wants the machine for itself.
func TestTravel(t *testing.T) {
	nomads, every, span := 60, 20*time.Millisecond, 12*time.Second
	if os.Getenv("PULSEWALL_LONG") != "" {
		nomads, every, span = 300, 5*time.Millisecond, time.Minute
	}
	j := newJourney(t, nomads, 0)
	j.send(3, every, span, func(began time.Time) {
		j.at(began, 0.3, span)
		j.fleet.nodes[0].kill()
		j.at(began, 0.5, span)
		j.members[0].Kill()
		j.at(began, 0.7, span)
		j.start("node-1", strings.TrimPrefix(j.sites[0].URL, "http://"), nodeSettings{})
		together(t, j.sites)
	})
	j.arrive(time.Minute)
	v := j.judge()
	v.log(t)
	j.moved()
	excused := j.wereAlone() && len(v.order) == 1 // the log itself is the same
	for _, h := range v.resets {
		if h.reset != elsewhere && !excused {
			t.Errorf("a reset while a member held the log: %s, to %v", h.reset, h.place)
			break
		}
	}
	j.fromTheBeginning(v)
}

// TestFrozenTravel has nomads hop between two nodes while the only member stands still twice, so that both are alone and what one of them said comes
// to the order later, or never. Who was there has it once, who was elsewhere once it is in the order, and a reset tells of the rest.
func TestFrozenTravel(t *testing.T) {
	t.Parallel()
	j := &journey{fleet: newFleet(t, 1, tunedMembers(t), 2)}
	j.depart(j.fleet.sites(), 30, 0)
	const span = 12 * time.Second
	j.send(2, 20*time.Millisecond, span, func(began time.Time) {
		for _, part := range []float64{0.1, 0.6} {
			j.at(began, part, span)
			j.members[0].Freeze()
			pass(t, 4*time.Second)
			j.members[0].Thaw()
		}
		together(t, j.sites)
	})
	j.arrive(time.Minute)
	v := j.judge()
	v.log(t)
	if v.alone == 0 {
		t.Error("nothing was said on a node alone")
	}
	for _, h := range v.resets {
		if h.reset != elsewhere && h.reset != ahead { // a node that is alone may not have what another had
			t.Errorf("a reset while the member held the log: %s, to %v", h.reset, h.place)
			break
		}
	}
	j.fromTheBeginning(v)
}
