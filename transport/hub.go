package transport

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/pulsewall/pulsewall/transport/ready"
)

// Why a stream ended that its client did not end.
var (
	ErrClosed = errors.New("hub is closed")

	// As causes of a request's context, these two end what is served for it, a WebSocket with a code of its own.
	ErrTokenEnded = errors.New("the token ended")
	ErrWithdrawn  = errors.New("a right was withdrawn")
)

// Hub holds the newest update of each topic, the log of messages and the sessions. All its methods may be called
// concurrently, and none waits for a client but Drain, Close and the Serve methods.
type Hub struct {
	opts  Options
	count counters

	mu       sync.RWMutex
	log      *messageLog       // guarded by mu
	topics   map[string]*topic // guarded by mu
	opened   [len(Kinds)]int   // guarded by mu: sessions by kind
	parted   map[string]int64  // guarded by mu: see part
	roll     *roll             // guarded by mu
	draining bool              // guarded by mu
	closed   bool              // guarded by mu
	unmarked int               // guarded by mu: bytes of messages appended since all shards had marked

	roster sync.Mutex // held while the roster is told or read: the last one counts; taken before mu

	shards []*shard
	every  time.Duration // between two looks of a shard
	born   time.Time     // from which its streams count

	parting context.Context // ends with Close: goodbyes that were under way are over then
	depart  context.CancelFunc
	stop    context.CancelFunc
	bell    chan struct{}  // size 1: there may be something to report or to tell
	streams sync.WaitGroup // sessions that are open
	working sync.WaitGroup // the hub's own goroutines

	polling sync.Once
	polls   *ready.Poller // made with the first detached stream
	resting resting
}

// NewHub returns an empty hub. The caller must Close it.
func NewHub(opts Options) *Hub {
	opts = opts.withDefaults()
	ctx, stop := context.WithCancel(context.Background())
	h := &Hub{
		opts:   opts,
		log:    newMessageLog(opts),
		topics: make(map[string]*topic),
		parted: make(map[string]int64),
		roll:   newRoll(opts),
		every:  min(lookEvery, opts.Heartbeat/4),
		born:   time.Now(),
		stop:   stop,
		bell:   make(chan struct{}, 1),
	}
	h.parting, h.depart = context.WithCancel(context.Background())
	for i := range max(runtime.GOMAXPROCS(0)-1, 1) { // one for all else: who publishes must not wait for who writes
		h.shards = append(h.shards, newShard(h, i))
	}
	h.look()
	h.working.Go(func() { h.tick(ctx) })
	for _, sh := range h.shards {
		h.working.Go(func() { sh.run(ctx) })
	}
	return h
}

// Put makes u the newest of its topic and has those told who watch it. A version that is not newer is ignored.
func (h *Hub) Put(u *Update) {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := h.topicOf(u.Topic)
	if t.newest != nil && t.newest.Version >= u.Version {
		return
	}
	t.newest = u
	for _, sh := range h.shards {
		sh.touch(t)
	}
}

// Drop forgets the topic's newest: nobody keeps it fresh any more.
func (h *Hub) Drop(topic string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if t := h.topics[topic]; t != nil {
		t.newest = nil
		h.tidy(t)
	}
}

// settle has all sessions know what is for them. The hub is locked.
func (h *Hub) settle() {
	for _, sh := range h.shards {
		sh.settle()
	}
	h.unmarked = 0
}

// nextShard is that with the fewest sessions. The hub is locked.
func (h *Hub) nextShard() *shard {
	return slices.MinFunc(h.shards, func(a, b *shard) int { return len(a.sessions) - len(b.sessions) })
}

// Snapshot returns the newest update of each topic that has one, and the cursor of exactly that moment.
func (h *Hub) Snapshot(topics []string) (updates map[string]*Update, cursor string) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	updates = make(map[string]*Update, len(topics))
	at := h.log.now()
	at.versions = make(map[uint32]int64, len(topics))
	for _, topic := range topics {
		if t := h.topics[topic]; t != nil && t.newest != nil {
			u := t.newest
			updates[topic] = u
			at.versions[topicHash(topic)] = u.Version
		}
	}
	return updates, at.cursor()
}
