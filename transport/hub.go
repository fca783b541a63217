package transport

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// ErrClosed reports a hub that has been closed.
var ErrClosed = errors.New("hub is closed")

// Options tune a Hub. The zero value is ready to use.
type Options struct {
	// Node is the name of this node, said in hello.
	Node string
	// Epoch names the log of messages: letters and digits, another one for each log.
	Epoch string
	// Keep is how many messages the log holds. The default is 10,000.
	Keep int
	// KeepFor is how long. The default is one hour.
	KeepFor time.Duration
	// Heartbeat is the longest silence of a stream. The default is 15 s.
	Heartbeat time.Duration
	// WriteTimeout ends a stream whose socket took nothing for so long. The default is 10 s.
	WriteTimeout time.Duration
	// PollerFor is how long a long poller counts as connected after its last answer, longer than any poll waits. The default
	// is 30 s.
	PollerFor time.Duration
	// Nodes tells who is in the cluster, and whether this node cannot reach the others. The default is this node.
	Nodes func() (names []string, degraded bool)
	// Roster knows who is online on all nodes. The default counts those of this node.
	Roster Roster
	// Reached says whether the node has taken the item at seq of the epoch's log, after asking the cluster for what it has
	// not. It is called when a client comes with a position that the log does not hold yet, and must return when ctx ends, which
	// is within a second. What it finds comes by Append or Restart before it returns. The default is that there is no more.
	Reached func(ctx context.Context, epoch string, seq int64) bool
	// Logger takes the few things worth a line. The default discards them.
	Logger *slog.Logger
}

func (o Options) withDefaults() Options {
	if o.Node == "" {
		o.Node = "node"
	}
	if o.Epoch == "" {
		o.Epoch = "local"
	}
	if o.Keep <= 0 {
		o.Keep = 10_000
	}
	if o.KeepFor <= 0 {
		o.KeepFor = time.Hour
	}
	if o.Heartbeat <= 0 {
		o.Heartbeat = 15 * time.Second
	}
	if o.WriteTimeout <= 0 {
		o.WriteTimeout = 10 * time.Second
	}
	if o.PollerFor <= 0 {
		o.PollerFor = 30 * time.Second
	}
	if o.Nodes == nil {
		node := []string{o.Node}
		o.Nodes = func() ([]string, bool) { return node, false }
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// Hub holds the newest update of each topic, the log of messages and the sessions. All its methods may be called
// concurrently, and none waits for a client but Drain, Close and the Serve methods.
type Hub struct {
	opts  Options
	count counters

	mu       sync.RWMutex
	log      *messageLog                      // guarded by mu
	topics   map[string]*Update               // guarded by mu
	watchers map[string]map[*Session]struct{} // guarded by mu: sessions by topic
	sessions map[*Session]struct{}            // guarded by mu
	roll     *roll                            // guarded by mu
	draining bool                             // guarded by mu
	closed   bool                             // guarded by mu

	roster sync.Mutex // held while the roster is told or read: the last one counts; taken before mu

	stop     context.CancelFunc
	bell     chan struct{}  // size 1: there may be something to report or to tell
	streams  sync.WaitGroup // sessions that are open
	finished chan struct{}  // closed when the hub's own goroutine has ended
}

// NewHub returns an empty hub. The caller must Close it.
func NewHub(opts Options) *Hub {
	opts = opts.withDefaults()
	ctx, stop := context.WithCancel(context.Background())
	h := &Hub{
		opts:     opts,
		log:      newMessageLog(opts.Epoch, opts.Keep, opts.KeepFor),
		topics:   make(map[string]*Update),
		watchers: make(map[string]map[*Session]struct{}),
		sessions: make(map[*Session]struct{}),
		roll:     newRoll(opts.PollerFor, opts.Roster != nil),
		stop:     stop,
		bell:     make(chan struct{}, 1),
		finished: make(chan struct{}),
	}
	h.look()
	go h.tick(ctx)
	return h
}

// Put makes u the newest of its topic and wakes those who watch it. A version that is not newer is ignored.
func (h *Hub) Put(u *Update) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if old := h.topics[u.Topic]; old != nil && old.Version >= u.Version {
		return
	}
	h.topics[u.Topic] = u
	for s := range h.watchers[u.Topic] {
		s.ring()
	}
}

// Drop forgets the topic's newest: nobody keeps it fresh any more.
func (h *Hub) Drop(topic string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.topics, topic)
}

// Snapshot returns the newest update of each topic that has one, and the cursor of exactly that moment.
func (h *Hub) Snapshot(topics []string) (updates map[string]*Update, cursor string) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	updates = make(map[string]*Update, len(topics))
	at := h.log.now()
	at.versions = make(map[uint32]int64, len(topics))
	for _, topic := range topics {
		if u := h.topics[topic]; u != nil {
			updates[topic] = u
			at.versions[topicHash(topic)] = u.Version
		}
	}
	return updates, at.cursor()
}
