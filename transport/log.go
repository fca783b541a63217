package transport

import (
	"bytes"
	"encoding/json"
	"sort"
	"time"
	"unicode/utf8"
)

// messageLog is the last messages in one order. It is a part of the Hub, guarded by its mutex. Inside, places are counted by an
// index that rises for as long as the hub lives, whatever the log is called; entries stand at index modulo the capacity.
//
// Items of this node alone stand in the same order, after the last item of the cluster that the node had. They are given to who
// was here when they came, to who resumes from among them, and, until the node has rejoined, to who comes with an earlier
// position of the cluster's. After that, who comes with such a position passes over them: it may be a client of another node,
// and to reset it would cost it messages of the cluster.
type messageLog struct {
	epoch   string
	keepFor time.Duration
	most    int // bytes that the messages may take; the newest is kept whatever it takes
	ring    []entry
	tail    int64            // lowest index still kept; head+1 when there is none
	head    int64            // index of the newest
	base    Position         // of index tail-1
	spell   int64            // of index tail-1, too
	begin   int64            // lowest index after which nothing was lost
	shared  Position         // the last place that other nodes know
	life    string           // of the newest item of this node alone
	said    int64            // index of the newest item of this node alone; 0: there was none
	alone   bool             // the newest item is one, and the node has not rejoined since
	keys    map[string]int64 // index of the first message with a key; those of the cluster before those of this node alone
	kept    int              // how many messages can still be read
	size    int              // bytes that they take
}

// entry is one place of the log. A repeat of a key holds its place with no message.
type entry struct {
	Position
	index   int64
	key     string
	at      time.Time
	message *Message // its Data is a part of data
	data    []byte   // the message as JSON
	made    *event   // of the newest only: many clients want it now, and few ever again
	repeats int64    // index of the item of this node alone that had the key before; 0: none
	spell   int64    // of an item of this node alone: index of the last one before the node was alone
}

// mostMade is how many of the newest entries keep the forms that were made of them.
const mostMade = 256

func newMessageLog(o Options) *messageLog {
	base := Position{Epoch: o.Epoch}
	return &messageLog{
		epoch: o.Epoch, keepFor: o.KeepFor, most: o.KeepBytes, ring: make([]entry, o.Keep), tail: 1, base: base, shared: base,
		keys: make(map[string]int64),
	}
}

// newEntry encodes the item's message. It needs no lock.
func newEntry(item Item, now time.Time) entry {
	m := item.Message
	m.ID, m.Room = item.ID(), m.To.Room
	var data bytes.Buffer
	if err := json.Compact(&data, m.Data); err != nil || !utf8.Valid(m.Data) { // its sender's node let it through; nothing may stop the log
		data.Reset()
		data.WriteString("null")
	}
	m.Data = data.Bytes()
	b, _ := m.MarshalJSON()  // its Data is JSON now
	end := len(b) - len("}") // Data comes last
	m.Data = b[end-len(m.Data) : end : end]
	made := &event{name: "message", id: m.ID, data: b, message: &m}
	return entry{Position: item.Position, key: item.Key, at: now, message: &m, data: b, made: made}
}

// push puts an entry after the newest and returns where it stands; nil for one that is there already. Positions left out hold nothing.
func (l *messageLog) push(added entry) *entry {
	if !added.later(l.top()) {
		return nil
	}
	if l.head == 0 && !added.Alone() { // the log of a cluster that was there before this node
		l.base.Seq = added.Seq - 1
	}
	l.head++
	l.drop(l.head - int64(len(l.ring)))
	if old := l.head - mostMade; old >= l.tail {
		l.at(old).made = nil
	}
	e := l.at(l.head)
	*e = entry{Position: added.Position, index: l.head, at: added.at}
	if e.Alone() {
		e.spell, l.life, l.said = l.head-1, e.Life, l.head
		if l.alone {
			e.spell = l.spellOf(l.head - 1)
		}
	}
	l.alone, l.shared = e.Alone(), e.shared()
	if first, known := l.keys[added.key]; known && added.key != "" {
		if l.alone || !l.at(first).Alone() {
			return e
		}
		e.repeats = first // for who has passed over that one
	} else {
		l.kept++
	}
	e.key, e.message, e.data, e.made = added.key, added.message, added.data, added.made
	l.size += e.size()
	if e.key != "" {
		l.keys[e.key] = l.head
	}
	for l.size > l.most && l.tail < l.head {
		l.drop(l.tail)
	}
	return e
}

// restart makes it the log of an epoch whose items after a position follow. It reports whether that goes on from what is here.
func (l *messageLog) restart(epoch string, after int64) bool {
	from := Position{Epoch: epoch, Seq: after}
	if epoch == l.epoch && !from.later(l.top()) {
		for l.tail <= l.head && !l.at(l.tail).later(from) {
			l.begin = l.tail
			l.drop(l.tail)
		}
		return true
	}
	l.drop(l.head)
	l.head++ // no index from before is within
	l.epoch, l.base, l.spell, l.shared, l.begin, l.tail, l.alone = epoch, from, 0, from, l.head, l.head+1, false
	return false
}

// expire forgets what is older than keepFor.
func (l *messageLog) expire(now time.Time) {
	for l.tail <= l.head && now.Sub(l.at(l.tail).at) >= l.keepFor {
		l.drop(l.tail)
	}
}

// drop forgets the index and all before it.
func (l *messageLog) drop(index int64) {
	for l.tail <= index && l.tail <= l.head {
		e := l.at(l.tail)
		if l.keys[e.key] == l.tail {
			delete(l.keys, e.key)
		}
		if e.message != nil {
			l.size -= e.size()
			if e.repeats == 0 {
				l.kept--
			}
		}
		l.base, l.spell = e.Position, e.spell
		*e = entry{}
		l.tail++
	}
}

func (l *messageLog) at(index int64) *entry { return &l.ring[index%int64(len(l.ring))] }

// place is the position of an index that is kept, or of the one before.
func (l *messageLog) place(index int64) Position {
	if index < l.tail {
		return l.base
	}
	return l.at(index).Position
}

// spellOf is the spell of an index, like place.
func (l *messageLog) spellOf(index int64) int64 {
	if index < l.tail {
		return l.spell
	}
	return l.at(index).spell
}

// top is the position of the newest item.
func (l *messageLog) top() Position { return l.place(l.head) }

// now is where one begins who wants nothing of what was. Other nodes know it, if this one is not alone.
func (l *messageLog) now() position {
	at := position{Position: l.top(), index: l.head}
	if !l.alone {
		at.Position = at.shared()
	}
	return at
}

// rejoin says that the node is not alone.
func (l *messageLog) rejoin() { l.alone = false }

// oldest is where one begins who wants all that is kept, and the index up to which nothing of this node alone is for him.
func (l *messageLog) oldest() (at position, skip int64) {
	at = position{Position: l.base, index: l.tail - 1}
	if l.alone {
		return at, at.index
	}
	at.Position = at.shared()
	return at, l.head
}

// Reasons of a reset.
const (
	unreadable = "the cursor cannot be read"
	anew       = "the log of messages began anew"
	forgotten  = "older messages are no longer kept"
	ahead      = "the position is ahead of the log"
	elsewhere  = "the position is of a node that was alone"
)

// seek finds the index of a position, and the one up to which nothing of this node alone is for who comes with it; or why messages
// after the position may be missing.
func (l *messageLog) seek(p Position) (index, skip int64, lost string) {
	base := l.base
	passes := !p.Alone() && !l.alone
	if passes {
		base = base.shared()
	}
	switch {
	case p.Epoch != l.epoch:
		return 0, 0, anew
	case p.Alone() && p.Life != l.life:
		return 0, 0, elsewhere
	case p.later(l.top()):
		return 0, 0, ahead
	case base.later(p):
		return 0, 0, forgotten
	}
	later := sort.Search(int(l.head-l.tail+1), func(i int) bool { return l.at(l.tail + int64(i)).later(p) })
	index = l.tail + int64(later) - 1
	switch {
	case passes:
		skip = l.head
	case p.Alone(): // who was here at that time, but perhaps not before
		skip = l.spellOf(index)
	default:
		skip = index
	}
	return index, skip, ""
}

// after calls yield with the entries after the index, in order, until it returns false.
func (l *messageLog) after(index int64, yield func(e *entry) bool) {
	for index = max(index+1, l.tail); index <= l.head; index++ {
		if !yield(l.at(index)) {
			return
		}
	}
}

// isFor says whether the entry is for a reader to whom nothing of this node alone is up to the index skip.
func (e *entry) isFor(r Reader, skip int64) bool { return !e.passes(skip) && e.message.To.reaches(r) }

// passes says that the entry is for nobody to whom nothing of this node alone is up to the index skip.
func (e *entry) passes(skip int64) bool {
	return e.message == nil || e.Alone() && e.index <= skip || e.repeats > skip
}

func (e *entry) size() int { return len(e.data) + len(e.key) }

// event is the message as an event. Its forms are made anew for each who asks for an old one.
func (e *entry) event() *event {
	if e.made != nil {
		return e.made
	}
	return &event{name: "message", id: e.message.ID, data: e.data, message: e.message}
}
