package acceptance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// What a fault may cost.
const (
	longestSend = 7 * time.Second  // Append tries for 5 s, and who is online is asked after that
	longestAsk  = 5 * time.Second  // pages and answers of the API
	wellAgain   = 30 * time.Second // after the end of a fault
)

// ordeal is a fault under load: each node has a client that stays, one more goes around, and several send through each node.
type ordeal struct {
	t         *testing.T
	fleet     *fleet
	witnesses []*witness
	speakers  []*speaker
	asked     map[string]time.Duration // the longest answer by path

	stop    context.CancelFunc
	running sync.WaitGroup
	before  []int // goroutines of each node
}

// tunedMembers is the configuration that operators start from.
func tunedMembers(t *testing.T) []byte {
	t.Helper()
	config, err := os.ReadFile("../../../deploy/hazelcast.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return config
}

// newOrdeal begins to send and to listen.
func newOrdeal(t *testing.T, f *fleet) *ordeal {
	t.Helper()
	o := &ordeal{t: t, fleet: f, asked: make(map[string]time.Duration)}
	listening, leave := context.WithCancel(context.Background())
	o.stop = leave
	var listeners sync.WaitGroup
	t.Cleanup(func() {
		leave()
		listeners.Wait()
	})
	add := func(name string, whom func() (*site, time.Duration)) {
		w := &witness{name: name, got: make(map[string]bool)}
		o.witnesses = append(o.witnesses, w)
		listeners.Go(func() { w.attend(listening, whom) })
	}
	for i, s := range f.sites() {
		add(fmt.Sprint("client of node-", i+1), remains(s))
	}
	add("client who goes around", roams(f.sites()))
	eventually(t, 10*time.Second, func() error {
		for _, w := range o.witnesses {
			if !w.here() {
				return fmt.Errorf("%s has not come", w.name)
			}
		}
		return nil
	})
	o.heardByAll("first")
	pass(t, time.Second)
	for _, s := range f.sites() {
		o.before = append(o.before, goroutines(t, s))
	}
	return o
}

// heardByAll sends a message through each node, one after the other, until every client has got it or was told of a reset after it.
func (o *ordeal) heardByAll(name string) {
	o.t.Helper()
	for i, s := range o.fleet.sites() {
		text := fmt.Sprint(name, " through node-", i+1)
		eventually(o.t, wellAgain, func() error {
			if _, degraded, err := s.speak(text); err != nil || degraded {
				return fmt.Errorf("%s: degraded %v, %w", text, degraded, err)
			}
			return nil
		})
		began := time.Now()
		eventually(o.t, 10*time.Second, func() error {
			for _, w := range o.witnesses {
				if !w.excused(text, began) {
					return fmt.Errorf("%s did not hear %q", w.name, text)
				}
			}
			return nil
		})
	}
}

// load sends and asks until the returned function is called, which waits for the last answers.
func (o *ordeal) load() (end func()) {
	ctx, stop := context.WithCancel(context.Background())
	for i, s := range o.fleet.sites() {
		for k := range 3 {
			p := &speaker{site: s, name: fmt.Sprintf("node-%d/%d", i+1, k+1)}
			o.speakers = append(o.speakers, p)
			o.running.Go(func() { p.run(ctx, 50*time.Millisecond) })
		}
		o.running.Go(func() { o.ask(ctx, s) })
	}
	end = sync.OnceFunc(func() {
		stop()
		o.running.Wait()
	})
	o.t.Cleanup(end)
	return end
}

// ask opens what people and balancers open, again and again.
func (o *ordeal) ask(ctx context.Context, s *site) {
	longest := make(map[string]time.Duration)
	for n := 0; ctx.Err() == nil; n++ {
		path := []string{"/readyz", "/api/presence", "/d/d", "/api/nodes", "/api/presence/users/7", "/d/nodes", "/api/messages"}[n%7]
		began := time.Now()
		call, cancel := context.WithTimeout(context.Background(), unhurried(20*time.Second))
		if err := s.fine(call, path); err != nil {
			o.t.Errorf("%s%s: %v after %v", s.URL, path, err, time.Since(began))
		}
		cancel()
		longest[path] = max(longest[path], time.Since(began))
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
		}
	}
	o.fleet.tally.mu.Lock() // any lock that all who ask share
	defer o.fleet.tally.mu.Unlock()
	for path, took := range longest {
		o.asked[path] = max(o.asked[path], took)
	}
}

// fine says whether a path is answered well.
func (s *site) fine(ctx context.Context, path string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+path, nil)
	if err != nil {
		return err
	}
	resp, err := clients.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s, %w", resp.Status, err)
	}
	return nil
}

// degraded waits until the nodes say that they are alone, on every way they have, and returns how long that took.
func (o *ordeal) degraded(within time.Duration, nodes ...int) time.Duration {
	o.t.Helper()
	return eventually(o.t, within, func() error {
		for _, n := range nodes {
			p := presenceOf(o.t, &o.fleet.nodes[n-1].site)
			if !p.Degraded {
				return fmt.Errorf("node-%d sees %v and does not say that it is alone", n, p.Nodes)
			}
			if _, ready := get(o.t, o.fleet.nodes[n-1].URL+"/readyz"); !strings.Contains(ready, `"degraded":true`) {
				return fmt.Errorf("readyz of node-%d: %s", n, ready)
			}
			if !o.witnesses[n-1].toldAlone() {
				return fmt.Errorf("the client of node-%d was not told", n)
			}
		}
		return nil
	})
}

// well waits until the members are one cluster, every node sees all, and messages pass from each to all.
func (o *ordeal) well(within time.Duration) {
	o.t.Helper()
	began := time.Now()
	one := eventually(o.t, within, func() error {
		for i, m := range o.fleet.members {
			if m.Size() != len(o.fleet.members) {
				return fmt.Errorf("member %d is one of %d", i+1, m.Size())
			}
		}
		return nil
	})
	eventually(o.t, within-one, func() error {
		for i, s := range o.fleet.sites() {
			if p := presenceOf(o.t, s); len(p.Nodes) != len(o.fleet.nodes) || p.Degraded {
				return fmt.Errorf("node-%d sees %v, degraded %v", i+1, p.Nodes, p.Degraded)
			}
		}
		return nil
	})
	together := time.Since(began)
	o.heardByAll(fmt.Sprint("well ", began.UnixMilli()))
	took := time.Since(began)
	if took > unhurried(within) {
		o.t.Errorf("messages pass %v after the end of the fault; want %v", took, within)
	}
	o.t.Logf("the members are one cluster %v after the end of the fault, the nodes together after %v, messages pass from each to all clients after %v",
		one.Round(time.Millisecond), together.Round(time.Millisecond), took.Round(time.Millisecond))
}

// nothingLost checks that no client who stayed was told that messages may be missing.
func (o *ordeal) nothingLost() {
	o.t.Helper()
	for _, w := range o.witnesses[:len(o.fleet.nodes)] {
		if n := w.told(); n > 0 {
			o.t.Errorf("%s was told %d times that messages may be missing; none were lost", w.name, n)
		}
	}
}

// noneLeft checks that the nodes have as many goroutines as before, and that they end well.
func (o *ordeal) noneLeft() {
	o.t.Helper()
	for i, s := range o.fleet.sites() {
		eventually(o.t, wellAgain, func() error {
			if now := goroutines(o.t, s); now > o.before[i]+o.before[i]/5 {
				return fmt.Errorf("node-%d has %d goroutines, had %d", i+1, now, o.before[i])
			}
			return nil
		})
	}
	o.stop()
	for i, p := range o.fleet.nodes {
		if took, err := p.stop(syscall.SIGTERM); err != nil || took > unhurried(10*time.Second) {
			o.t.Errorf("node-%d ended after %v with %v", i+1, took, err)
		}
	}
}

func goroutines(t *testing.T, s *site) int {
	t.Helper()
	_, metrics := get(t, s.URL+"/metrics")
	for line := range strings.Lines(metrics) {
		if value, found := strings.CutPrefix(line, "go_goroutines "); found {
			n, err := strconv.Atoi(strings.TrimSpace(value))
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatal(errors.New("no go_goroutines in the metrics"))
	return 0
}
