// Package dashboard is the web application: routes, pages, the live address, the API. Another Go program mounts it as
// an http.Handler and runs it.
package dashboard

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pulsewall/pulsewall/cluster"
	"github.com/pulsewall/pulsewall/feeds"
	"github.com/pulsewall/pulsewall/transport"
)

// How long Run takes to end: clients take their bye, then polls end with their context.
const (
	drainTimeout = 4 * time.Second
	stopTimeout  = 3 * time.Second // a cluster says goodbye to its members
)

// Dashboard serves the pages, the live address and the API. Its methods may be called concurrently.
type Dashboard struct {
	opts      Options
	log       *slog.Logger
	scheduler *feeds.Scheduler
	abouts    map[string]feeds.Description // by feed
	pushes    map[string]*feeds.Push       // by feed that is pushed to
	hub       *transport.Hub
	cluster   cluster.Cluster
	boards    []*board
	looks     looks
	origins   map[string]bool
	gate      *gate
	senders   *senders
	addresses *senders // all senders of one client address, where it is known
	tickets   *tickets // nil: there is no Auth
	metrics   *metrics
	vitals    *vitals
	errands   errands
	alerts    *alertBook // nil: no feed has alerts
	handler   http.Handler
	alone     bool // no cluster: this node's name goes without saying
	started   time.Time
	joining   *joining
	foreign   struct{ message, reading sync.Once } // to log what another version wrote
	built     atomic.Bool                          // New has made all parts
	ready     atomic.Bool                          // Run is running
	pushing   sync.RWMutex                         // held for reading while a push is put
	stopping  bool                                 // no push is taken any more; guarded by pushing
	putting   sync.Mutex                           // held while a reading is put, so that an old one can be told from it
}

// New checks opts and returns a Dashboard that is alive while Run runs. Errors name the wrong value and what is allowed.
func New(opts Options) (*Dashboard, error) {
	alone := opts.Cluster == nil
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	d := &Dashboard{
		opts: opts, alone: alone, log: opts.Logger, started: time.Now(), abouts: make(map[string]feeds.Description),
		gate: newGate(opts.Limits), metrics: newMetrics(), vitals: newVitals(), joining: newJoining(),
		senders: newSenders(opts.Limits.MessagesPerSecond), addresses: newSenders(sendersPerAddr * opts.Limits.MessagesPerSecond),
	}
	if d.origins, err = parseOrigins(opts.Origins); err != nil {
		return nil, err
	}
	if err := d.takeAuth(); err != nil {
		return nil, err
	}
	if !alone {
		opts = d.withNodes(opts)
	}
	us := member{d}
	if d.cluster, err = opts.Cluster(Joining{Node: opts.Node, Handler: us, Status: d.statusBlob, Answer: d.answerPast, Now: opts.Now, Logger: opts.Logger}); err != nil {
		return nil, fmt.Errorf("join the cluster: %w", err)
	}
	deliver, err := d.kept()
	if err != nil {
		return nil, err
	}
	polling := feeds.Options{
		Interval: opts.Interval, MaxPolls: opts.Limits.Polls, MaxPollsPerFeed: opts.Limits.PollsPerFeed,
		Observe: d.polled, Judged: d.judged, Now: opts.Now, Logger: opts.Logger,
	}
	if opts.History != nil {
		polling.Past = d.past
	}
	hub := transport.Options{
		Node: opts.Node, Epoch: d.cluster.Epoch(), Logger: opts.Logger,
		Nodes: func() ([]string, bool) { return d.livingNodes(), d.cluster.State().Degraded },
	}
	if !alone {
		polling.Node, polling.Peers, polling.MaxCarried = opts.Node, us, cluster.MaxReading
		hub.Reached, hub.Roster = d.cluster.Reached, us
	}
	d.hub = transport.NewHub(hub)
	deliver()
	if d.scheduler, err = feeds.NewScheduler(opts.Feeds, sink{d}, polling); err != nil {
		d.hub.Close()
		return nil, err
	}
	d.pushes = pushedTo(d.scheduler.Feeds())
	for _, f := range d.scheduler.Feeds() {
		d.abouts[f.Name] = f.Describe()
	}
	if err := errors.Join(d.layOut(opts.Boards), d.takeOlder(opts.Feeds), d.takeAlerts()); err != nil {
		d.hub.Close()
		return nil, err
	}
	d.metrics.watch(d)
	d.handler = d.routes()
	d.built.Store(true)
	if alone {
		d.joining.end()
	}
	return d, nil
}

// Run polls, and serves what waits for readings, until ctx ends. Then it stops accepting streams (readyz 503), says bye to all
// with spread retries, waits until they have gone and polls have ended (7 s at most) and returns. It must be called once;
// afterwards nothing is served any more.
func (d *Dashboard) Run(ctx context.Context) error {
	work, stop := context.WithCancel(context.WithoutCancel(ctx)) // it goes on while clients are let go
	defer stop()
	workers := []func(context.Context) error{d.poll, d.cluster.Run}
	if d.opts.History != nil {
		workers = append(workers, d.opts.History.Run)
	}
	if d.alerts != nil {
		workers = append(workers, d.alerts.Run)
	}
	ended := make(chan error, len(workers))
	for _, run := range workers {
		go func() { ended <- run(work) }()
	}
	d.ready.Store(true)
	serve := d.joining.await(!d.cluster.State().Degraded, func() {
		d.log.Warn("not joined yet: this node starts alone and goes on trying", "node", d.opts.Node, "after", joinFor)
	})
	defer serve()
	left := len(workers)
	var err error
	select {
	case <-ctx.Done():
	case err = <-ended: // one alone is of no use
		left--
	}
	d.ready.Store(false)
	serve()
	d.pushing.Lock()
	d.stopping = true
	d.pushing.Unlock()
	d.drain(work)
	stop()
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	for ; left > 0; left-- {
		select {
		case e := <-ended:
			err = errors.Join(err, e)
		case <-late.Done():
			d.log.Warn("a source or the cluster goes on though it was told to end; it is left behind")
			left = 1
		}
	}
	d.hub.Close()
	select {
	case <-d.gate.shutting():
	case <-late.Done():
		d.log.Warn("a client or a hook goes on though it was told to end; it is left behind")
	}
	return err
}

// drain lets go of the clients, and hands the polls over to the other nodes.
func (d *Dashboard) drain(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, drainTimeout)
	defer cancel()
	var polls sync.WaitGroup
	defer polls.Wait()
	polls.Go(func() { d.scheduler.HandOver(ctx) })
	if err := d.hub.Drain(ctx); err != nil {
		d.log.Warn("clients were cut off", "err", err)
	}
}

// ServeHTTP serves every address.
func (d *Dashboard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.TLS == nil && (isHandshake(r) || accepts(r, "text/event-stream")) { // those whose goroutine ends when the stream has begun
		deepen(len(r.URL.Path))
	}
	d.handler.ServeHTTP(w, r)
}

// deepen has the stack of the goroutine grown once, while little stands on it. Else it grows again and again on the way down to the socket, each
// time with all frames that stand on it by then: of what a WebSocket costs that comes, that was a seventh. What it returns is of no use.
//
//go:noinline
func deepen(i int) byte {
	const deep = 8 << 10 // bytes: the way down needs more than half
	var room [deep]byte
	return room[i%deep] // an index that is not known keeps the compiler from leaving it out
}
