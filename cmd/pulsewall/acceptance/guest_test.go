package acceptance

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/transport/client"
)

// question is one that is asked on some nodes, of programs on one transport. Its users and its room are those of no other.
type question struct {
	t         *testing.T
	nodes     []*site
	transport client.Transport
	number    int
	people    int // who came so far
	fences    int
}

// guest is a program that follows a node.
type guest struct {
	*client.Client

	t    *testing.T
	user string
	stop context.CancelFunc
	done sync.WaitGroup

	mu     sync.Mutex
	events []client.Event // guarded by mu
	more   chan struct{}  // guarded by mu: closed when something comes
}

func (q *question) user(i int) string { return strconv.Itoa(1000*q.number + i) }

func (q *question) room() string { return fmt.Sprint("room-", q.number) }

// word is text that only this question says.
func (q *question) word(parts ...any) string { return fmt.Sprint(q.number, ": ", fmt.Sprint(parts...)) }

// guests are three programs, on as many nodes as there are.
func (q *question) guests(o client.Options) (list []*guest) {
	q.t.Helper()
	for i := range 3 {
		list = append(list, q.guest(i, o))
	}
	return list
}

// guest connects a program to a node and waits until it is there.
func (q *question) guest(node int, o client.Options) *guest {
	q.t.Helper()
	o.URL = q.nodes[node%len(q.nodes)].URL
	o.UnionID = q.user(q.people)
	o.Transports = []client.Transport{q.transport}
	q.people++
	g := &guest{Client: client.New(o), t: q.t, user: o.UnionID, more: make(chan struct{})}
	ctx, stop := context.WithCancel(q.t.Context())
	g.stop = stop
	g.done.Go(func() {
		for e, err := range g.Events(ctx) {
			if err != nil {
				if ctx.Err() == nil {
					g.t.Errorf("guest %s: %v", g.user, err)
				}
				return
			}
			g.take(e)
		}
	})
	q.t.Cleanup(g.leave)
	next(g, func(client.Hello) bool { return true })
	return g
}

func (g *guest) leave() {
	g.stop()
	g.done.Wait()
}

func (g *guest) take(e client.Event) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.events = append(g.events, e)
	close(g.more)
	g.more = make(chan struct{})
}

// had is what came so far.
func (g *guest) had() []client.Event {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.events)
}

// next waits for the first event of a kind that matches, of all that came since the start.
func next[E client.Event](g *guest, matches func(E) bool) E {
	g.t.Helper()
	late := time.After(time.Minute)
	for from := 0; ; {
		g.mu.Lock()
		events, more := g.events, g.more
		g.mu.Unlock()
		for ; from < len(events); from++ {
			if e, is := events[from].(E); is && matches(e) {
				return e
			}
		}
		select {
		case <-more:
		case <-late:
			g.t.Fatalf("guest %s waits for a %T; it is %+v and had %+v", g.user, *new(E), g.State(), events)
		case <-g.t.Context().Done():
			g.t.FailNow()
		}
	}
}

// through sends a text until the node that takes it is not alone, which says so: on a busy machine a node may be for a moment, and what it
// takes then is for its own clients. It returns the text that everybody gets.
func (q *question) through(program *client.Client, to client.To, parts ...any) (text string) {
	q.t.Helper()
	for try := 1; ; try++ {
		text = q.word(append(parts, ", try ", try)...)
		var receipt client.Receipt
		eventually(q.t, slowly, func() (err error) {
			receipt, err = program.SendAs(q.t.Context(), text, to, text)
			return err
		})
		if !receipt.Degraded {
			return text
		}
		together(q.t, q.nodes)
	}
}

// fence returns when each of the guests has everything that was said to it before.
func (q *question) fence(guests ...*guest) {
	q.t.Helper()
	q.fences++
	var users []string
	for _, g := range guests {
		users = append(users, g.user)
	}
	program := client.New(client.Options{URL: q.nodes[0].URL})
	want, err := json.Marshal(q.through(program, client.To{Users: users}, "the fence ", q.fences))
	if err != nil {
		q.t.Fatal(err)
	}
	for _, g := range guests {
		next(g, func(m client.Message) bool { return string(m.Data) == string(want) })
	}
}

// got fails for guests that were not told some text so many times.
func (q *question) got(text string, times int, guests ...*guest) {
	q.t.Helper()
	want, err := json.Marshal(text)
	if err != nil {
		q.t.Fatal(err)
	}
	for _, g := range guests {
		n := 0
		for _, e := range g.had() {
			if m, is := e.(client.Message); is && string(m.Data) == string(want) {
				n++
			}
		}
		if n != times {
			q.t.Errorf("guest %s got %s %d times; want %d", g.user, want, n, times)
		}
	}
}
