package transport

import (
	"bytes"
	"encoding/json"
	"time"
)

// messageLog is the last messages in one order. It is a part of the Hub, guarded by its mutex. Positions start at 1; entries
// stand at seq modulo the capacity.
type messageLog struct {
	epoch   string // never changes
	keepFor time.Duration
	most    int // bytes that the messages may take; the newest is kept whatever it takes
	ring    []entry
	tail    int64            // lowest position still kept; head+1 when there is none
	head    int64            // position of the newest
	keys    map[string]int64 // position of the first message with a key
	kept    int              // how many messages can still be read
	size    int              // bytes that they take
}

// entry is one position of the log. A repeat of a key holds its place with no message.
type entry struct {
	key     string
	at      time.Time
	message *Message // its Data is a part of data
	data    []byte   // the message as JSON
	made    *event   // of the newest only: many clients want it now, and few ever again
}

// mostMade is how many of the newest entries keep the forms that were made of them.
const mostMade = 256

func newMessageLog(o Options, epoch string) *messageLog {
	return &messageLog{
		epoch: epoch, keepFor: o.KeepFor, most: o.KeepBytes, ring: make([]entry, o.Keep), tail: 1, keys: make(map[string]int64),
	}
}

// newEntry encodes m. It needs no lock.
func newEntry(id, key string, m Message, now time.Time) entry {
	m.ID, m.Room = id, m.To.Room
	var data bytes.Buffer
	if err := json.Compact(&data, m.Data); err != nil { // its sender's node let it through; nothing may stop the log
		data.Reset()
		data.WriteString("null")
	}
	m.Data = data.Bytes()
	b, _ := m.MarshalJSON()  // its Data is JSON now
	end := len(b) - len("}") // Data comes last
	m.Data = b[end-len(m.Data) : end : end]
	return entry{key: key, at: now, message: &m, data: b, made: &event{name: "message", id: id, data: b}}
}

// push puts e at position seq. Positions left out hold nothing. It reports whether its message is new.
func (l *messageLog) push(seq int64, e entry) bool {
	if seq <= l.head {
		return false
	}
	if l.head == 0 || seq-l.head > int64(len(l.ring)) { // the log of a cluster that was there before this node, or ran away from it
		l.drop(l.head)
		l.tail, l.head = seq, seq-1
	}
	for l.head < seq {
		l.head++
		l.drop(l.head - int64(len(l.ring)))
		*l.at(l.head) = entry{at: e.at}
		if old := l.head - mostMade; old >= l.tail {
			l.at(old).made = nil
		}
	}
	if _, known := l.keys[e.key]; known && e.key != "" {
		return false
	}
	*l.at(seq) = e
	l.kept++
	l.size += e.size()
	if e.key != "" {
		l.keys[e.key] = seq
	}
	for l.size > l.most && l.tail < l.head {
		l.drop(l.tail)
	}
	return true
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
		if e.message != nil {
			l.kept--
			l.size -= e.size()
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

func (e *entry) size() int { return len(e.data) + len(e.key) }

// event is the message as an event. Its forms are made anew for each who asks for an old one.
func (e *entry) event() *event {
	if e.made != nil {
		return e.made
	}
	return &event{name: "message", id: e.message.ID, data: e.data}
}
