// Package dashboard is the web application: routes, pages, the live address, the API. Another Go program mounts it as
// an http.Handler and runs it.
package dashboard

import (
	"context"
	"encoding/json"
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

// drainTimeout is how long clients have to take their bye.
const drainTimeout = 5 * time.Second

// Dashboard serves the pages, the live address and the API. Its methods may be called concurrently.
type Dashboard struct {
	opts      Options
	log       *slog.Logger
	scheduler *feeds.Scheduler
	abouts    map[string]feeds.Description // by feed
	hub       *transport.Hub
	cluster   cluster.Cluster
	boards    []*board
	looks     looks
	origins   map[string]bool
	gate      *gate
	senders   *senders
	metrics   *metrics
	handler   http.Handler
	alone     bool // no cluster: this node's name goes without saying
	started   time.Time
	ready     atomic.Bool // Run is running
}

// New checks opts and returns a Dashboard that is fully alive once Run is called. Errors name the wrong value and what is
// allowed.
func New(opts Options) (*Dashboard, error) {
	alone := opts.Cluster == nil
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	d := &Dashboard{
		opts: opts, alone: alone, log: opts.Logger, started: time.Now(), abouts: make(map[string]feeds.Description),
		gate: newGate(opts.Limits), senders: newSenders(opts.Limits.MessagesPerSecond), metrics: newMetrics(),
	}
	if d.origins, err = parseOrigins(opts.Origins); err != nil {
		return nil, err
	}
	node := opts.Node
	if alone {
		node = ""
	}
	d.scheduler, err = feeds.NewScheduler(opts.Feeds, sink{d}, feeds.Options{
		Interval: opts.Interval, MaxPolls: opts.Limits.Polls, MaxPollsPerFeed: opts.Limits.PollsPerFeed,
		Node: node, Observe: d.metrics.polled, Logger: opts.Logger,
	})
	if err != nil {
		return nil, err
	}
	for _, f := range d.scheduler.Feeds() {
		d.abouts[f.Name] = f.Source.Describe()
	}
	if err := d.layOut(opts.Boards); err != nil {
		return nil, err
	}
	log := &messageLog{log: opts.Logger}
	if d.cluster, err = opts.Cluster(opts.Node, log); err != nil {
		return nil, fmt.Errorf("join the cluster: %w", err)
	}
	d.hub = transport.NewHub(transport.Options{
		Node: opts.Node, Epoch: d.cluster.Epoch(), Logger: opts.Logger,
		Nodes: func() ([]string, bool) { return d.cluster.Nodes(), d.cluster.Degraded() },
	})
	log.hub = d.hub
	d.metrics.watch(d)
	d.handler = d.routes()
	return d, nil
}

// Run polls, and serves what waits for readings, until ctx ends. Then it stops accepting streams (readyz 503), says bye to all
// with spread retries, waits until they have gone (5 s at most) and returns. It may be called once; afterwards nothing is served any more.
func (d *Dashboard) Run(ctx context.Context) error {
	work, stop := context.WithCancel(context.WithoutCancel(ctx)) // it goes on while clients are let go
	defer stop()
	var wg sync.WaitGroup
	errs := make([]error, 2)
	failed := make(chan struct{}, len(errs))
	for i, run := range []func(context.Context) error{d.scheduler.Run, d.cluster.Run} {
		wg.Go(func() {
			if errs[i] = run(work); errs[i] != nil {
				failed <- struct{}{}
			}
		})
	}
	d.ready.Store(true)
	select {
	case <-ctx.Done():
	case <-failed:
	}
	d.ready.Store(false)
	drain, cancel := context.WithTimeout(work, drainTimeout)
	defer cancel()
	if err := d.hub.Drain(drain); err != nil {
		d.log.Warn("clients were cut off", "err", err)
	}
	stop()
	wg.Wait()
	d.hub.Close()
	return errors.Join(errs...)
}

// ServeHTTP serves every address.
func (d *Dashboard) ServeHTTP(w http.ResponseWriter, r *http.Request) { d.handler.ServeHTTP(w, r) }

// messageLog gives the hub what the cluster delivers.
type messageLog struct {
	hub *transport.Hub
	log *slog.Logger
}

// Deliver takes the next message of the cluster's order.
func (l *messageLog) Deliver(item cluster.Item) {
	var m transport.Message
	if err := json.Unmarshal(item.Data, &m); err != nil { // only another version of this program can have written it
		l.log.Error("unreadable message", "seq", item.Seq, "err", err)
	}
	l.hub.Append(item.Seq, item.Key, m)
}

// Restart says that the order began anew.
func (l *messageLog) Restart(epoch string) { l.hub.Restart(epoch) }
