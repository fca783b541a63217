package cluster

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"
	"time"
)

const (
	// partSize is how many bytes of an answer go in one parcel: a frame with room for two numbers.
	partSize = 8 << 10
	// MaxAnswer is how many bytes an answer to another node may have.
	MaxAnswer = 4 << 20
	// answersAtOnce is how many questions a node answers at a time, mostAsked how many wait or are answered. More are not answered.
	answersAtOnce, mostAsked = 8, 128
	// answerWithin is how long an answer may wait for room on its way.
	answerWithin = 2 * time.Second
)

// asks are questions to other nodes, and theirs to this one.
type asks struct {
	far   *far
	asked chan struct{} // size mostAsked
	turns chan struct{} // size answersAtOnce

	mu      sync.Mutex
	waiting map[int64]*awaited // by reference; guarded by mu
}

// awaited is an answer that comes in parts.
type awaited struct {
	from    string   // incarnation
	parts   [][]byte // as far as they have come; empty before the first
	missing int
	whole   chan []byte // size 1
}

func newAsks(f *far) *asks {
	return &asks{
		far: f, asked: make(chan struct{}, mostAsked), turns: make(chan struct{}, answersAtOnce), waiting: make(map[int64]*awaited),
	}
}

// Ask asks another node, by its incarnation, what its Options.Answer says, and waits for that until ctx ends. A node of an older version,
// or one that was given no Answer, says nothing. Errors are ErrTooLarge, of a question above MaxFrame, that this node is alone, and that of ctx.
func (h *Hazelcast) Ask(ctx context.Context, incarnation string, question []byte) ([]byte, error) {
	if len(question) > MaxFrame {
		return nil, fmt.Errorf("%w: a question of %d bytes", ErrTooLarge, len(question))
	}
	f := h.far
	if err := f.listen(ctx); err != nil {
		return nil, err
	}
	number := f.lastAsk.Add(1)
	a := &awaited{from: incarnation, whole: make(chan []byte, 1)}
	f.asks.mu.Lock()
	f.asks.waiting[number] = a
	f.asks.mu.Unlock()
	defer func() {
		f.asks.mu.Lock()
		delete(f.asks.waiting, number)
		f.asks.mu.Unlock()
	}()
	f.relay.tell(parcel{kind: kindQuestion, to: seat{incarnation, 0}, from: seat{h.incarnation, 0}, n: number, body: question})
	select {
	case answer := <-a.whole:
		return answer, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("ask node %s: %w", nodeOf(incarnation), ctx.Err())
	}
}

// Ask has nobody to ask.
func (l *Local) Ask(context.Context, string, []byte) ([]byte, error) { return nil, errAlone }

// hear takes a question or a part of an answer. It does not block.
func (a *asks) hear(p parcel) {
	if p.kind == kindPart {
		a.take(p)
		return
	}
	if a.far.h.opts.Answer == nil {
		return
	}
	select {
	case a.asked <- struct{}{}:
		a.far.start(func() {
			defer func() { <-a.asked }()
			a.answer(p)
		})
	default: // who asks goes on without it
	}
}

// answer answers a question when it is its turn.
func (a *asks) answer(p parcel) {
	select {
	case a.turns <- struct{}{}:
		defer func() { <-a.turns }()
	case <-a.far.life.Done():
		return
	}
	if b := a.far.h.opts.Answer(p.body); b != nil {
		a.send(p.from, p.n, b)
	}
}

// send sends an answer in parts.
func (a *asks) send(to seat, number int64, answer []byte) {
	total := max(1, (len(answer)+partSize-1)/partSize)
	if len(answer) > MaxAnswer {
		return
	}
	limit := time.NewTimer(answerWithin)
	defer limit.Stop()
	for i := range total {
		part := answer[i*partSize : min(len(answer), (i+1)*partSize)]
		body := binary.AppendUvarint(binary.AppendUvarint(nil, uint64(i)), uint64(total))
		w, _ := a.far.wayTo(to.incarnation)
		p := parcel{kind: kindPart, to: to, from: seat{a.far.h.incarnation, 0}, n: number, body: append(body, part...)}
		if w == nowhere || !a.far.send(w, p, limit.C) {
			return
		}
	}
}

// take puts a part where it belongs, and gives the answer to who waits when it was the last.
func (a *asks) take(p parcel) {
	i, n := binary.Uvarint(p.body)
	if n <= 0 {
		return
	}
	total, m := binary.Uvarint(p.body[n:])
	if m <= 0 || total == 0 || total > MaxAnswer/partSize || i >= total {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	q := a.waiting[p.n]
	if q == nil || q.from != p.from.incarnation {
		return
	}
	if q.parts == nil {
		q.parts, q.missing = make([][]byte, total), int(total)
	}
	if uint64(len(q.parts)) != total || q.parts[i] != nil {
		return
	}
	q.parts[i] = p.body[n+m:]
	if q.missing--; q.missing > 0 {
		return
	}
	var whole []byte
	for _, part := range q.parts {
		whole = append(whole, part...)
	}
	q.whole <- whole
	delete(a.waiting, p.n)
}
