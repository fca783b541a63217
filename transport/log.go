package transport

import (
	"encoding/json"
	"sort"
	"time"
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
	ring    []entry
	tail    int64            // lowest index still kept; head+1 when there is none
	head    int64            // index of the newest
	base    Position         // of index tail-1
	begin   int64            // lowest index after which nothing was lost
	shared  Position         // the last place that other nodes know
	life    string           // of the newest item of this node alone
	alone   bool             // the newest item is one, and the node has not rejoined since
	keys    map[string]int64 // index of the first message with a key; those of the cluster before those of this node alone
	kept    int              // how many messages can still be read
}

// entry is one place of the log. A repeat of a key holds its place with no event.
type entry struct {
	Position
	index   int64
	key     string
	at      time.Time
	message *Message
	event   *event
	repeats int64 // index of the item of this node alone that had the key before; 0: none
}

func newMessageLog(epoch string, keep int, keepFor time.Duration) *messageLog {
	base := Position{Epoch: epoch}
	return &messageLog{
		epoch: epoch, keepFor: keepFor, ring: make([]entry, keep), tail: 1, base: base, shared: base, keys: make(map[string]int64),
	}
}

// push puts the item after the newest and returns its entry; nil for one that is there already. Positions left out hold nothing.
func (l *messageLog) push(item Item, now time.Time) *entry {
	if !item.later(l.top()) {
		return nil
	}
	if l.head == 0 && !item.Alone() { // the log of a cluster that was there before this node
		l.base.Seq = item.Seq - 1
	}
	l.head++
	l.drop(l.head - int64(len(l.ring)))
	l.alone = item.Alone()
	l.shared = item.shared()
	if l.alone {
		l.life = item.Life
	}
	e := l.at(l.head)
	*e = entry{Position: item.Position, index: l.head, at: now}
	if first, known := l.keys[item.Key]; known && item.Key != "" {
		if l.alone || !l.at(first).Alone() {
			return e
		}
		e.repeats = first // for who has passed over that one
	} else {
		l.kept++
	}
	m := item.Message
	m.ID = item.ID()
	m.Room = m.To.Room
	data, err := json.Marshal(&m)
	if err != nil { // Data that is not JSON: its sender's node let it through; nothing may stop the log
		m.Data = json.RawMessage("null")
		data, _ = json.Marshal(&m)
	}
	e.key, e.message, e.event = item.Key, &m, &event{name: "message", id: m.ID, data: data}
	if item.Key != "" {
		l.keys[item.Key] = l.head
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
	l.epoch, l.base, l.shared, l.begin, l.tail, l.alone = epoch, from, from, l.head, l.head+1, false
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
		if e.event != nil && e.repeats == 0 {
			l.kept--
		}
		l.base = e.Position
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
	if !l.alone {
		at.Position, skip = at.shared(), l.head
	}
	return at, skip
}

// Reasons of a reset.
const (
	anew      = "the log of messages began anew"
	forgotten = "older messages are no longer kept"
	ahead     = "the position is ahead of the log"
	elsewhere = "the position is of a node that was alone"
)

// seek finds the index of a position, and the one up to which nothing of this node alone is for who comes with it; or why messages
// after the position may be missing.
func (l *messageLog) seek(p Position) (index, skip int64, lost string) {
	base := l.base
	if !p.Alone() && !l.alone {
		skip = l.head
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
	return l.tail + int64(later) - 1, skip, ""
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
func (e *entry) isFor(r Reader, skip int64) bool {
	switch {
	case e.message == nil:
		return false
	case e.Alone() && e.index <= skip:
		return false
	case e.repeats > skip:
		return false
	}
	return e.message.To.reaches(r)
}
