package client

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Client is a program's place in what a pulsewall tells. All methods may be called concurrently, but one loop of Events runs at a time.
type Client struct {
	opts Options
	http *http.Client
	own  bool  // it is this client's own
	bad  error // what is wrong with the options

	mu      sync.Mutex
	subs    []string // guarded by mu, like all below: as they were asked for
	rooms   []string
	cursor  string // the last position that has an id
	session string // of the newest hello
	state   State
	link    *link // while Events runs
}

// State tells how the client is connected.
type State struct {
	Connected bool
	Transport Transport // by what; empty: not connected
	Node      string    // to which
	Since     time.Time // since when it is, or is not; zero: Events does not run
	Err       error     // why it is not
}

// ErrRunning reports a second loop of Events beside the first.
var ErrRunning = errors.New("client: events are being read already")

// New returns a client that is not connected yet. What is wrong with the options, Events and Send say.
func New(opts Options) *Client {
	c := &Client{opts: opts.withDefaults(), bad: opts.check(), cursor: opts.After}
	c.subs, c.rooms = c.opts.Subs, c.opts.Rooms
	c.http = &http.Client{}
	if opts.HTTPClient != nil {
		*c.http = *opts.HTTPClient
		c.http.Timeout = 0 // streams stay open
	} else if t, ok := http.DefaultTransport.(*http.Transport); ok {
		own := t.Clone()
		own.MaxIdleConnsPerHost = 2
		own.IdleConnTimeout = 5 * time.Second // nobody closes a Client that only sends
		c.http.Transport, c.own = own, true
	}
	return c
}

// Events connects and yields what comes, for as long as the loop goes on. It ends with an error: the cause of ctx, or a *Problem or
// *Closed with which the server refused for good. Whatever else happens, it reconnects. The loop may be entered again: it goes on from
// the Cursor.
func (c *Client) Events(ctx context.Context) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		l, err := c.begin()
		if err != nil {
			yield(nil, err)
			return
		}
		ctx, stop := context.WithCancelCause(ctx)
		ended := make(chan error, 1)
		go func() { ended <- l.run(ctx) }()
		defer func() {
			stop(nil)
			<-l.done
		}()
		for {
			select {
			case q := <-l.out:
				if q.id != "" {
					c.set(func(c *Client) { c.cursor = q.id })
				}
				if !yield(q.event, nil) {
					return
				}
			case err := <-ended:
				yield(nil, err)
				return
			}
		}
	}
}

// Cursor is where the program is: it covers every event that the loop was given, the one it is busy with included. It is good for
// Options.After.
func (c *Client) Cursor() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cursor
}

// State returns how the client is connected now.
func (c *Client) State() State {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state
}

// Subs returns the subscriptions as they were asked for.
func (c *Client) Subs() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.subs)
}

// Rooms returns the rooms that the client is in.
func (c *Client) Rooms() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.rooms)
}

func (c *Client) begin() (*link, error) {
	if c.bad != nil {
		return nil, c.bad
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.link != nil {
		return nil, ErrRunning
	}
	c.link = newLink(c, c.cursor)
	c.state = State{Since: time.Now()}
	return c.link, nil
}

func (c *Client) end() {
	if c.own {
		c.http.CloseIdleConnections()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.link, c.state = nil, State{}
}

// running is the link of Events; nil: it does not run.
func (c *Client) running() *link {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.link
}

func (c *Client) set(f func(*Client)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(c)
}
