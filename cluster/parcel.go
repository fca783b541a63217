package cluster

import (
	"strconv"
	"strings"
)

// seat is where an end is registered. No other registration, then or later, has the same.
type seat struct {
	incarnation string
	number      int64
}

// String is how the cluster keeps it.
func (p seat) String() string { return p.incarnation + "/" + strconv.FormatInt(p.number, 10) }

// parseSeat reads what String wrote; the zero seat is for nothing, and for what no node wrote.
func parseSeat(value any) seat {
	s, _ := value.(string)
	incarnation, number, ok := strings.Cut(s, "/")
	n, err := strconv.ParseInt(number, 10, 64)
	if !ok || err != nil {
		return seat{}
	}
	return seat{incarnation, n}
}

// before says whether p is known to be older than q.
func (p seat) before(q seat) bool { return p.incarnation == q.incarnation && p.number < q.number }

// What a parcel is.
const (
	kindFrame    = iota // a frame for the other end, number n
	kindTaken           // the other end has taken all up to n
	kindHere            // the other end is at from
	kindMissing         // to question or frame: there is no such registration here
	kindAsk             // does the holder answer? n is to be given back
	kindAnswers         // he does
	kindReplaced        // another connection has the end now
	kindQuestion        // of one node to another; n is to be given back
	kindPart            // of the answer: which one, of how many, and what it is
)

// parcel is what goes from one registration to another.
type parcel struct {
	kind int64
	to   seat
	from seat // its incarnation travels once for a batch
	n    int64
	body []byte
}

func (p parcel) bytes() []byte {
	f := frame(make([]byte, 0, len(p.body)+32))
	return append(f.int(p.kind).int(p.to.number).int(p.from.number).int(p.n), p.body...)
}

// mostHead is what a batch needs besides its parcels, with names and addresses as long as they may be, and the most that a parcel
// needs beside its body.
const mostHead = 1 << 10

// newBatch begins a batch. address is where the sender takes links; empty: it takes none.
func newBatch(incarnation, address string) frame {
	return newFrame().str(incarnation).str(address)
}

// batch is what came from another node at once.
type batch struct {
	incarnation, address string
	parcels              []parcel
}

// parseBatch reads a batch for a node.
func parseBatch(value any, self string) (batch, error) {
	p := parse(value)
	b := batch{incarnation: p.str(), address: p.str()}
	for p.err == nil && len(p.rest) > 0 {
		q := &parser{rest: []byte(p.str())} // a copy: what waits keeps nothing else alive
		one := parcel{kind: q.int(), to: seat{self, q.int()}, from: seat{b.incarnation, q.int()}, n: q.int()}
		one.body = q.bytes()
		if q.err != nil || len(one.body) > MaxFrame {
			p.fail()
		}
		b.parcels = append(b.parcels, one)
	}
	return b, p.err
}
