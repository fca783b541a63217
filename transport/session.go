package transport

import (
	"crypto/rand"
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

// Session is a client's position in the log and in the versions of the readings it watches. It is asked what is newer by one
// goroutine at a time: that which calls Next, or, where it has a stream, whose turn it is to write to that. The other methods may
// be called concurrently.
type Session struct {
	// What a delivery touches, in 128 bytes: between two of them the writes to all others have taken the caches, and each line
	// of 64 that has to be fetched again takes a hundredth of a write. Guarded by hub.mu for writing, or by hub.mu for reading together with shard.mu; state
	// and replying by shard.mu alone where the turn passes on, besides always.
	state      streamState   // of the stream
	queued     bool          // stands among the shard's due
	besides    bool          // there may be more for it than messages
	beat       bool          // a heartbeat is due when there is nothing else
	replying   bool          // the last batch held a reply
	coding     coding        // of the stream; owned like the four below by whose turn it is
	counted    int8          // index of the kind that its deliveries count for; -1: none
	next       int64         // index; no message from pending up to here, exclusive, is for it; 0: none up to the shard's mark is
	skip       int64         // index; it did not get what this node alone had up to here, and shall not
	waiter     *waiter       // of who waits in Next; nil: nobody yet
	tries      trier         // where a try for the stream ends
	wrote      time.Duration // since the hub was born: when the client of the stream was told something last
	identified time.Duration // since then: when that had an id
	pending    position      // given out, and written or about to be

	hub    *Hub
	shard  *shard
	stream *stream // what its shard writes to, guarded like the above; nil: it has a waiter
	id     string
	kind   Kind

	// Guarded like the above.
	behind  bool // something is held back
	watches []watch
	reply   *event
	bye     *event
	reset   string    // why the cursor given was no good
	seen    *seen     // nil: wants to be told of no presence
	again   time.Time // when presence that is held back may be told
	catchUp time.Time // until when what is older than the client has is held back; zero: the cursor was no good

	// Guarded by hub.mu.
	presence      bool // wants to be told of it
	returns       bool // with the name of an earlier hello
	gone          bool // no longer counted
	closed        bool
	format        Format
	answered      atomic.Bool // of a poll: its answer went out
	unionID, name string
	rooms         []string
	succession    *succession // of a Follower: who it is to be; nil: who it is
	place         int         // among the shard's sessions
	entered       uint64      // how often the census had been read
	since         time.Time

	cause   error         // guarded by shard.mu: why it ended; nil: it has not
	replied chan struct{} // size 1: the reply has been written. Guarded by hub.mu, and made with the first op
}

// open registers a session. kind is empty for one that nobody should count.
func (h *Hub) open(o Opening, kind Kind) (*Session, error) { return h.openIn(nil, o, kind) }

// openIn is open in a shard; nil: in that with the fewest sessions.
func (h *Hub) openIn(sh *shard, o Opening, kind Kind) (*Session, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed || h.draining && kind != "" {
		return nil, ErrClosed
	}
	if sh == nil {
		sh = h.nextShard()
	}
	s := &Session{
		hub: h, shard: sh, id: strings.Clone(o.Session), kind: kind, unionID: strings.Clone(o.UnionID), name: strings.Clone(o.Name),
		presence: o.Presence, format: o.Format, returns: o.Session != "", rooms: cloned(o.Rooms), besides: true, counted: -1,
	}
	if kind != "" {
		s.counted = int8(kind.index())
	}
	if s.id == "" {
		s.id = strings.ToLower(rand.Text()[:16])
	}
	if o.Presence {
		s.seen = new(seen)
	}
	s.shard.settle() // what was before is not for it
	s.start(o)
	s.shard.add(s)
	if kind != "" {
		h.streams.Add(1)
		h.opened[kind.index()]++
		h.roll.enter(s)
		h.rollChanged()
	}
	return s, nil
}

// cloned copies strings out of a request, which may go then.
func cloned(list []string) []string {
	if len(list) == 0 {
		return nil
	}
	out := make([]string, len(list))
	for i, text := range list {
		out[i] = strings.Clone(text)
	}
	return out
}

// mostBehind is how long a node may take to have what another has shown. Before that, who comes from there is not given less than
// they have; after that, it is the versions that say little, as those of a node that is alone with a wrong clock do.
const mostBehind = 2 * time.Second

// earliest is the After of who wants all messages still kept.
const earliest = "earliest"

// start finds where the session begins, and what it watches. The hub is locked.
func (s *Session) start(o Opening) {
	log := s.hub.log
	now := log.now()
	s.pending, s.skip = now, log.head
	if o.After == earliest && o.LastEventID == "" {
		s.pending, s.skip = log.oldest()
	} else if o.resumes() {
		s.pending, s.reset = s.resume(o, now)
	}
	s.rejoin(o.resumes())
	if s.pending.index < log.head {
		s.next = s.pending.index + 1
	}
	s.watches = make([]watch, 0, len(o.Topics))
	for _, name := range o.Topics {
		s.watch(name, s.pending.versions[topicHash(name)])
	}
	s.pending.versions = nil
	if s.reset == "" {
		s.catchUp = time.Now().Add(mostBehind)
	}
}

// resumes says whether the client goes on from where it was.
func (o Opening) resumes() bool { return o.LastEventID != "" || o.After != "" && o.After != earliest }

// resume goes on from a cursor, or from now for a reason.
func (s *Session) resume(o Opening, now position) (at position, reset string) {
	at, reset = o.from()
	if reset == "" {
		var skip int64
		if at.index, skip, reset = s.hub.log.seek(at.Position); reset == "" {
			s.skip, at.Epoch = skip, s.hub.log.epoch // not a part of the request, which may go
			if at.Alone() {
				at.Life = s.hub.log.life
			}
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
func (s *Session) UnionID() string { return s.unionID }

// Name is what to call it.
func (s *Session) Name() string { return s.name }

// Topics are what the session watches now.
func (s *Session) Topics() []string {
	s.hub.mu.RLock()
	defer s.hub.mu.RUnlock()
	return s.topics()
}

func (s *Session) topics() []string {
	list := make([]string, len(s.watches))
	for i := range s.watches { // not by value: versions belong to whose turn it is
		list[i] = s.watches[i].topic.name
	}
	return list
}

// Rooms are where the session is now. The caller must not change them.
func (s *Session) Rooms() []string {
	s.hub.mu.RLock()
	defer s.hub.mu.RUnlock()
	return s.rooms
}

func (s *Session) reader() Reader { return Reader{UnionID: s.unionID, Rooms: s.rooms} }

// gets says whether a message is for the session.
func (s *Session) gets(e *entry) bool {
	if e.passes(s.skip) {
		return false
	}
	return e.message.To.All || e.message.To.reaches(s.reader())
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
	s.End(ErrClosed)
	for len(s.watches) > 0 {
		s.unwatch(s.watches[0].topic.name)
	}
	s.shard.remove(s)
	h.part(s)
	if s.kind != "" {
		h.opened[s.kind.index()]--
		h.roll.leave(s, time.Now())
		h.rollChanged()
	}
}

// leave makes the bye the last thing the session gets. The hub is locked.
func (s *Session) leave(bye *event) {
	s.bye = bye
	s.shard.wake(s)
}
