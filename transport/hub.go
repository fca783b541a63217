package transport

import (
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"time"
)

// ErrClosed reports a hub that has been closed.
var ErrClosed = errors.New("hub is closed")

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

	stop     context.CancelFunc
	streams  sync.WaitGroup // sessions that are open
	finished chan struct{}  // closed when the hub's own goroutine has ended
}

// NewHub returns an empty hub. The caller must Close it.
func NewHub(opts Options) *Hub {
	opts = opts.withDefaults()
	ctx, stop := context.WithCancel(context.Background())
	h := &Hub{
		opts:     opts,
		log:      newMessageLog(opts, opts.Epoch),
		topics:   make(map[string]*Update),
		watchers: make(map[string]map[*Session]struct{}),
		sessions: make(map[*Session]struct{}),
		roll:     newRoll(opts),
		stop:     stop,
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

// Append puts m at position seq of the log and wakes those it is for. Positions must rise. A key that stands in the log
// already moves the position and is delivered to nobody.
func (h *Hub) Append(seq int64, key string, m Message) {
	now := time.Now()
	for placed := false; !placed; {
		log := h.current()
		placed = h.place(log, seq, newEntry(log.id(seq), key, m, now))
	}
}

func (h *Hub) current() *messageLog {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.log
}

// place puts an entry that was made for log, unless the log began anew since.
func (h *Hub) place(log *messageLog, seq int64, e entry) (placed bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.log != log {
		return false
	}
	if !log.push(seq, e) {
		return true
	}
	for s := range h.sessions {
		if e.message.To.reaches(s.reader()) {
			s.expect(seq)
		}
	}
	return true
}

// Restart begins a new log under another epoch: every session gets a reset.
func (h *Hub) Restart(epoch string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.log = newMessageLog(h.opts, epoch)
	for s := range h.sessions {
		s.next = 0
		s.ring()
	}
}

// First returns the id of the first kept message with the key.
func (h *Hub) First(key string) (id string, ok bool) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	seq, ok := h.log.keys[key]
	if !ok {
		return "", false
	}
	return h.log.id(seq), true
}

// Messages returns at most limit kept messages for to after a cursor or id, oldest first, and the id to go on from. An empty or
// unknown after starts at the oldest.
func (h *Hub) Messages(to Reader, after string, limit int) (list []*Message, next string) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	from := h.log.tail - 1
	if p, err := parseCursor(after); err == nil && h.log.holds(p.epoch, p.seq) {
		from = p.seq
	}
	h.log.after(from, func(seq int64, e *entry) bool {
		if e.message != nil && e.message.To.reaches(to) {
			if len(list) == limit {
				return false
			}
			list = append(list, e.message)
		}
		from = seq
		return true
	})
	return list, h.log.id(from)
}

// Snapshot returns the newest update of each topic that has one, and the cursor of exactly that moment.
func (h *Hub) Snapshot(topics []string) (updates map[string]*Update, cursor string) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	updates = make(map[string]*Update, len(topics))
	at := position{epoch: h.log.epoch, seq: h.log.head, versions: make(map[uint32]int64, len(topics))}
	for _, topic := range topics {
		if u := h.topics[topic]; u != nil {
			updates[topic] = u
			at.versions[topicHash(topic)] = u.Version
		}
	}
	return updates, at.cursor()
}

// Probe makes one real round trip from the hub to a session and returns when it has come through, or with ctx's error.
func (h *Hub) Probe(ctx context.Context) error {
	topic := "\x00probe " + rand.Text() // no feed can have this name, nor another probe
	s, err := h.open(Opening{Topics: []string{topic}}, "")
	if err != nil {
		return err
	}
	defer h.Drop(topic)
	defer s.Close()
	version := time.Now().UnixMicro()
	h.Put(NewUpdate(topic, version, 0, probe{}))
	for {
		batch, err := s.Next(ctx, time.Time{})
		if err != nil {
			return err
		}
		if len(batch.events) > 0 {
			return nil
		}
	}
}

type probe struct{}

func (probe) Encode(Format, bool) []byte { return []byte("{}") }

// Draining says whether Drain has been called.
func (h *Hub) Draining() bool {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.draining
}

// Drain says bye to every session, each with a slot of its own to come back in, and returns when all have gone or ctx ends.
// No new session opens afterwards.
func (h *Hub) Drain(ctx context.Context) error {
	h.mu.Lock()
	h.draining = true
	spread := byeSpread(len(h.sessions))
	for s := range h.sessions {
		s.leave(byeSlot(spread))
	}
	h.mu.Unlock()
	gone := make(chan struct{})
	go func() { h.streams.Wait(); close(gone) }() // ends with the last session, which Close ends at the latest
	select {
	case <-gone:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close ends every session at once and returns when the last has gone.
func (h *Hub) Close() {
	h.mu.Lock()
	h.draining, h.closed = true, true
	for s := range h.sessions {
		s.cancel(ErrClosed)
	}
	h.mu.Unlock()
	h.stop()
	<-h.finished
	h.streams.Wait()
}

// ID returns the id of a position in the log.
func (h *Hub) ID(seq int64) string {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.log.id(seq)
}
