package acceptance

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"sync"
	"time"
)

// resident is a client who stays: it comes back, under its session and by its position, wherever it can.
type resident struct {
	town      *town
	user      string // empty: nobody in particular
	rooms     []string
	transport string
	watches   bool // presence

	mu      sync.Mutex // guards all below
	at      int        // the node it is on, or tries
	here    bool       // it has its hello, or polls
	session string
	after   string
	told    []notice // the presence events
	problem error
}

// notice is one presence event.
type notice struct {
	came time.Time
	now  presenceNow
}

// presenceNow is who is online, as a node says.
type presenceNow struct {
	Users, Connections int
	Nodes              []string
	Degraded           bool
}

// live keeps the resident connected until ctx ends.
func (r *resident) live(ctx context.Context) {
	for ctx.Err() == nil {
		r.mu.Lock()
		at := r.at
		r.mu.Unlock()
		err := r.visit(ctx, at)
		r.mu.Lock()
		r.here = false
		r.mu.Unlock()
		if ctx.Err() != nil {
			return
		}
		if err != nil && err.Error()[0] == '4' {
			r.mu.Lock()
			r.problem = err
			r.mu.Unlock()
		}
		r.town.wait(ctx, r)
		pauseFor(ctx, time.Duration(rand.IntN(300))*time.Millisecond) // as clients should
		r.mu.Lock()
		r.at = r.town.open(r.at)
		r.mu.Unlock()
	}
}

// visit is on one node until that ends.
func (r *resident) visit(ctx context.Context, at int) error {
	query := url.Values{"room": r.rooms}
	if r.user != "" {
		query.Set("unionId", r.user)
	}
	if r.watches {
		query.Set("presence", "1")
	}
	r.mu.Lock()
	if r.session != "" {
		query.Set("session", r.session)
		query.Set("after", r.after)
	}
	r.mu.Unlock()
	on := r.town.sites[at]
	var c stream
	var err error
	switch r.transport {
	case "poll":
		return r.pollOn(ctx, query)
	case "sse":
		c, err = on.sse(ctx, query.Encode())
	default:
		c, err = on.socket(ctx, query.Encode())
	}
	if err != nil {
		return err
	}
	defer c.close()
	defer context.AfterFunc(ctx, c.close)()
	stop := r.town.onLeave(r, c.close)
	defer stop()
	for {
		e, err := c.next()
		if err != nil {
			return nil
		}
		r.take(e)
	}
}

// pollOn asks one node after the other.
func (r *resident) pollOn(ctx context.Context, query url.Values) error {
	for {
		r.mu.Lock()
		at := r.at
		r.mu.Unlock()
		query.Set("wait", fmt.Sprint(1+rand.IntN(3)))
		if query.Get("after") == "" {
			query.Set("wait", "0")
		}
		got, err := r.town.sites[at].poll(ctx, query.Encode())
		if err != nil {
			return err
		}
		for _, e := range got.Events {
			r.take(e)
		}
		r.mu.Lock()
		r.here, r.after = true, got.Cursor
		r.at = r.town.open(-1)
		query.Set("after", r.after)
		query.Set("session", r.session)
		r.mu.Unlock()
	}
}

func (r *resident) take(e event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e.ID != "" {
		r.after = e.ID
	}
	switch e.Event {
	case "hello":
		var hello struct{ Session string }
		if err := json.Unmarshal(e.Data, &hello); err != nil || r.session != "" && r.session != hello.Session {
			r.problem = fmt.Errorf("hello %s after session %q: %w", e.Data, r.session, err)
		}
		r.session, r.here = hello.Session, true
	case "reset":
		if !r.town.lossy {
			r.problem = fmt.Errorf("reset %s", e.Data)
		}
	case "presence":
		t := notice{came: time.Now()}
		if err := json.Unmarshal(e.Data, &t.now); err != nil || t.now.Users < 0 || t.now.Connections < 0 {
			r.problem = fmt.Errorf("presence %s: %w", e.Data, err)
		}
		r.told = append(r.told, t)
	}
}

// where tells on which node the resident is.
func (r *resident) where() (at int, here bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.at, r.here
}

// newest is what the resident was told of presence last.
func (r *resident) newest() (t notice, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.told) == 0 {
		return t, false
	}
	return r.told[len(r.told)-1], true
}
