package transport

import (
	"context"
	"crypto/rand"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// Opening is what a client asks for when it opens a stream or polls; checked by the caller.
type Opening struct {
	Session     string // of an earlier hello; empty: a new one
	UnionID     string // who the session is; canonical decimal or empty
	Name        string
	Topics      []string // canonical subscriptions, distinct, in the order of the query
	Rooms       []string
	Presence    bool // also send presence, and room events
	Format      Format
	After       string // a cursor, an event id, "earliest" or empty
	LastEventID string
}

// Session is a client's position in the log and in the versions of the readings it watches. One goroutine calls Next; the other
// methods may be called concurrently.
type Session struct {
	hub  *Hub
	id   string
	open Opening
	kind Kind

	ctx    context.Context // the session's own: a request's ends with its handler
	cancel context.CancelCauseFunc
	wake   chan struct{} // size 1: there may be something new

	// Guarded by hub.mu. Only the goroutine that calls Next writes them under a read lock, and only it reads what it writes.
	interests  interests
	versions   map[string]int64 // of pending, by topic
	next       int64            // index; no message from pending up to here, exclusive, is for it; 0: none up to the head of the log is
	skip       int64            // index; it did not get what this node alone had up to here, and shall not
	reply      *event
	bye        *event
	succession *succession // of a Follower: who it is to be; nil: who it is
	gone       bool        // no longer counted
	closed     bool
	seen       seen
	entered    uint64 // how often the census had been read
	since      time.Time
	answered   atomic.Bool // of a poll: its answer went out

	// Owned by the goroutine that calls Next.
	position position  // written to the client
	pending  position  // given out by the last Next
	reset    string    // why the cursor given was no good
	replying bool      // the last batch held a reply
	again    time.Time // when presence that is held back may be told
	catchUp  time.Time // until when what is older than the client has is held back; zero: the cursor was no good
	behind   bool      // something is
	succeeds bool      // there is a succession
	timer    *time.Timer

	replied chan struct{} // size 1: the reply has been written
}

// interests is what a session watches: an immutable value, swapped whole.
type interests struct {
	topics []string
	rooms  []string
}

// Batch is what was newer than a position. Asking for the next batch says that this one has been written.
type Batch struct {
	events []*event
	last   bool // a bye: nothing follows
}

// open registers a session. kind is empty for one that nobody should count.
func (h *Hub) open(o Opening, kind Kind) (*Session, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed || h.draining && kind != "" {
		return nil, ErrClosed
	}
	s := &Session{hub: h, id: o.Session, open: o, kind: kind, wake: make(chan struct{}, 1), replied: make(chan struct{}, 1)}
	if s.id == "" {
		s.id = strings.ToLower(rand.Text()[:16])
	}
	s.ctx, s.cancel = context.WithCancelCause(context.Background())
	s.interests = interests{topics: slices.Clone(o.Topics), rooms: slices.Clone(o.Rooms)}
	s.start(o)
	if kind != "" {
		h.streams.Add(1)
	}
	h.sessions[s] = struct{}{}
	for _, topic := range o.Topics {
		h.watch(s, topic)
	}
	if kind != "" {
		h.roll.enter(s)
		h.rollChanged()
	}
	return s, nil
}

// mostBehind is how long a node may take to have what another has shown. Before that, who comes from there is not given less than
// they have; after that, it is the versions that say little, as those of a node that is alone with a wrong clock do.
const mostBehind = 2 * time.Second

// earliest is the After of who wants all messages still kept.
const earliest = "earliest"

// start finds where the session begins. The hub is locked.
func (s *Session) start(o Opening) {
	log := s.hub.log
	now := log.now()
	s.position, s.skip = now, log.head
	if o.After == earliest && o.LastEventID == "" {
		s.position, s.skip = log.oldest()
	} else if o.After != "" || o.LastEventID != "" {
		s.position, s.reset = s.resume(o, now)
	}
	s.rejoin()
	if s.position.index < log.head {
		s.next = s.position.index + 1
	}
	s.versions = make(map[string]int64, len(o.Topics))
	for _, topic := range o.Topics {
		if v := s.position.versions[topicHash(topic)]; v != 0 {
			s.versions[topic] = v
		}
	}
	if s.reset == "" {
		s.catchUp = time.Now().Add(mostBehind)
	}
	s.pending = s.position
}

// resume goes on from a cursor, or from now for a reason.
func (s *Session) resume(o Opening, now position) (at position, reset string) {
	at, reset = o.from()
	if reset == "" {
		var skip int64
		if at.index, skip, reset = s.hub.log.seek(at.Position); reset == "" {
			s.skip = skip
			return at, ""
		}
	}
	now.versions = at.versions
	return now, reset
}

// from reads the cursor; Last-Event-ID gives the position in the messages where both are there.
func (o Opening) from() (at position, wrong string) {
	if o.After != "" && o.After != earliest {
		cursor, err := parseCursor(o.After)
		if err != nil {
			return at, unreadable
		}
		at = cursor
	}
	if o.LastEventID != "" {
		id, err := parseCursor(o.LastEventID)
		if err != nil {
			return position{}, "the event id cannot be read"
		}
		at.Position = id.Position
	}
	return at, ""
}

// ID is the session's name, which a client repeats to be counted once.
func (s *Session) ID() string { return s.id }

// UnionID is who the session says it is; empty: nobody.
func (s *Session) UnionID() string { return s.open.UnionID }

// Name is what to call it.
func (s *Session) Name() string { return s.open.Name }

// Topics are what the session watches now. The caller must not change them.
func (s *Session) Topics() []string {
	s.hub.mu.RLock()
	defer s.hub.mu.RUnlock()
	return s.interests.topics
}

// Rooms are where the session is now. The caller must not change them.
func (s *Session) Rooms() []string {
	s.hub.mu.RLock()
	defer s.hub.mu.RUnlock()
	return s.interests.rooms
}

func (s *Session) reader() Reader {
	return Reader{UnionID: s.open.UnionID, Rooms: s.interests.rooms}
}

// ring wakes the session. It never blocks: a bell that rings already is as good.
func (s *Session) ring() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// expect notes that the message at the index is for the session. The hub is locked.
func (s *Session) expect(index int64) {
	if s.next == 0 {
		s.next = index
	}
	s.ring()
}

// endWith ends the session with ctx, for the same cause, until stop is called.
func (s *Session) endWith(ctx context.Context) (stop func() bool) {
	return context.AfterFunc(ctx, func() { s.cancel(context.Cause(ctx)) })
}

// Close takes the session out of the hub. It may be called again.
func (s *Session) Close() {
	s.depart()
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	if !s.closed && s.kind != "" {
		s.hub.streams.Done()
	}
	s.closed = true
}

// depart ends what the session gets and that it counts as here. Drain and the hub's Close still wait for it.
func (s *Session) depart() {
	h := s.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	if s.gone {
		return
	}
	s.gone = true
	s.cancel(ErrClosed)
	for _, topic := range s.interests.topics {
		h.unwatch(s, topic)
	}
	delete(h.sessions, s)
	h.part(s)
	if s.kind != "" {
		h.roll.leave(s, time.Now())
		h.rollChanged()
	}
}

func (h *Hub) watch(s *Session, topic string) {
	if h.watchers[topic] == nil {
		h.watchers[topic] = make(map[*Session]struct{})
	}
	h.watchers[topic][s] = struct{}{}
}

func (h *Hub) unwatch(s *Session, topic string) {
	delete(h.watchers[topic], s)
	if len(h.watchers[topic]) == 0 {
		delete(h.watchers, topic)
	}
}

// leave makes the bye the last thing the session gets. The hub is locked.
func (s *Session) leave(bye *event) {
	s.bye = bye
	s.ring()
}
