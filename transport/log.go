package transport

import (
	"encoding/json"
	"time"
)

// messageLog is the last messages in one order. It is a part of the Hub, guarded by its mutex. Positions start at 1; entries
// stand at seq modulo the capacity.
type messageLog struct {
	epoch   string
	keepFor time.Duration
	ring    []entry
	tail    int64            // lowest position still kept; head+1 when there is none
	head    int64            // position of the newest
	keys    map[string]int64 // position of the first message with a key
	kept    int              // how many messages can still be read
}

// entry is one position of the log. A repeat of a key holds its place with no event.
type entry struct {
	key     string
	at      time.Time
	message *Message
	event   *event
}

func newMessageLog(epoch string, keep int, keepFor time.Duration) *messageLog {
	return &messageLog{epoch: epoch, keepFor: keepFor, ring: make([]entry, keep), tail: 1, keys: make(map[string]int64)}
}

// push puts m at position seq. Positions left out hold nothing. It reports whether m is new.
func (l *messageLog) push(seq int64, key string, m Message, now time.Time) (*entry, bool) {
	if seq <= l.head {
		return nil, false
	}
	if l.head == 0 || seq-l.head > int64(len(l.ring)) { // the log of a cluster that was there before this node, or ran away from it
		l.drop(l.head)
		l.tail, l.head = seq, seq-1
	}
	for l.head < seq {
		l.head++
		l.drop(l.head - int64(len(l.ring)))
		*l.at(l.head) = entry{at: now}
	}
	e := l.at(seq)
	if _, known := l.keys[key]; known && key != "" {
		return e, false
	}
	m.ID = l.id(seq)
	m.Room = m.To.Room
	data, err := json.Marshal(&m)
	if err != nil { // Data that is not JSON: its sender's node let it through; nothing may stop the log
		m.Data = json.RawMessage("null")
		data, _ = json.Marshal(&m)
	}
	*e = entry{key: key, at: now, message: &m, event: &event{name: "message", id: m.ID, data: data}}
	l.kept++
	if key != "" {
		l.keys[key] = seq
	}
	return e, true
}

// expire forgets what is older than keepFor.
func (l *messageLog) expire(now time.Time) {
	for l.tail <= l.head && now.Sub(l.at(l.tail).at) >= l.keepFor {
		l.drop(l.tail)
	}
}

// drop forgets the position and all before it.
func (l *messageLog) drop(seq int64) {
	for l.tail <= seq && l.tail <= l.head {
		e := l.at(l.tail)
		if l.keys[e.key] == l.tail {
			delete(l.keys, e.key)
		}
		if e.event != nil {
			l.kept--
		}
		*e = entry{}
		l.tail++
	}
}

func (l *messageLog) at(seq int64) *entry { return &l.ring[seq%int64(len(l.ring))] }

func (l *messageLog) id(seq int64) string { return position{epoch: l.epoch, seq: seq}.id() }

// holds says whether everything after seq is still here.
func (l *messageLog) holds(epoch string, seq int64) bool {
	return epoch == l.epoch && seq >= l.tail-1 && seq <= l.head
}

// after calls yield with the entries after seq, in order, until it returns false.
func (l *messageLog) after(seq int64, yield func(seq int64, e *entry) bool) {
	for seq = max(seq+1, l.tail); seq <= l.head; seq++ {
		if !yield(seq, l.at(seq)) {
			return
		}
	}
}
