package transport

import (
	"context"
	"errors"
	"sync"
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
	log      *messageLog                      // guarded by mu
	topics   map[string]*Update               // guarded by mu
	watchers map[string]map[*Session]struct{} // guarded by mu: sessions by topic
	sessions map[*Session]struct{}            // guarded by mu
	parted   map[string]int64                 // guarded by mu: see part
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
		log:      newMessageLog(opts),
		topics:   make(map[string]*Update),
		watchers: make(map[string]map[*Session]struct{}),
		sessions: make(map[*Session]struct{}),
		parted:   make(map[string]int64),
		roll:     newRoll(opts),
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
