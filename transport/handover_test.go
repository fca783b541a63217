package transport

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// visitor is a model of a client: what it is to be told.
type visitor struct {
	mu  sync.Mutex // of what is said
	seq int64

	tap     *tap
	s       *Session
	joined  bool
	topics  []string
	want    []string // messages
	toRoom  []string // those that were said in the room
	loose   bool     // the room was joined or left while behind: what is under way may be for who the client is then
	newest  map[string]int64
	pending chan error // of an op that is under way; nil: there is none
}

// TestHandOver has a client that takes everything, something or nothing, and whose interests change, told of messages and readings in any
// order: each message comes once and in its place, of each reading the newest in the end, and every byte is a part of a valid frame.
func TestHandOver(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		steps := rapid.SliceOfN(rapid.IntRange(0, 15), 5, 60).Draw(rt, "steps")
		sizes := rapid.SliceOfN(rapid.IntRange(0, 3000), len(steps), len(steps)).Draw(rt, "sizes")
		var failed error
		synctest.Test(t, func(t *testing.T) { failed = handOver(t, steps, sizes) })
		if failed != nil {
			rt.Fatal(failed)
		}
	})
}

func handOver(t *testing.T, steps, sizes []int) error {
	h := NewHub(Options{})
	defer h.Close()
	v := &visitor{tap: newTap(sizes[0]), topics: []string{"a"}, newest: make(map[string]int64)}
	var err error
	if v.s, err = h.open(Opening{UnionID: "7", Topics: v.topics}, WebSocket); err != nil {
		return err
	}
	ended := make(chan error, 1)
	v.s.begin(v.tap, wsPlain, obey, func(err error) { ended <- err })
	for i, step := range steps {
		if err := v.step(h, step, sizes[i]); err != nil {
			return err
		}
	}
	v.tap.open(1 << 30)
	synctest.Wait()
	if err := v.settled(); err != nil {
		return err
	}
	v.tap.mu.Lock()
	v.tap.during = nil
	v.tap.mu.Unlock()
	if err := h.Drain(t.Context()); err != nil {
		return err
	}
	if err := <-ended; err != nil {
		return fmt.Errorf("ended: %w", err)
	}
	return v.check(v.tap.out)
}

// step does one thing. Most of them come while others are under way.
func (v *visitor) step(h *Hub, step, size int) error {
	switch {
	case step < 4:
		to := [...]Address{everybody, {Room: "r"}, {Users: []string{"7"}}, {Users: []string{"8"}}}[step]
		v.say(h, to, to.reaches(Reader{UnionID: "7", Rooms: map[bool][]string{true: {"r"}}[v.joined]}))
	case step < 7:
		topic := [...]string{"a", "b", "c"}[step-4]
		v.newest[topic]++
		n := v.newest[topic]
		h.Put(NewUpdate(topic, n, n-1, text{topic, n, size}))
	case step < 9:
		v.tap.open(size)
	case step == 9:
		synctest.Wait()
	case step == 10:
		time.Sleep(time.Duration(size) * 10 * time.Millisecond)
	case step == 11 && v.free():
		v.loose = v.loose || v.settled() != nil
		v.joined = !v.joined
		v.do(map[bool]string{true: `{"op":"join","room":"r"}`, false: `{"op":"leave","room":"r"}`}[v.joined])
	case step == 14:
		v.tap.mu.Lock()
		v.tap.during = func() {
			v.say(h, everybody, true)
			h.mu.Lock()
			defer h.mu.Unlock()
			h.settle() // as when somebody comes
		}
		v.tap.mu.Unlock()
	case step == 15:
		v.burst(h, size%30)
	case (step == 12 || step == 13) && v.free():
		topic := [...]string{"b", "c"}[step-12]
		if i := slices.Index(v.topics, topic); i >= 0 {
			v.topics = slices.Delete(slices.Clone(v.topics), i, i+1)
			v.do(`{"op":"unsubscribe","sub":"` + topic + `"}`)
		} else {
			v.topics = append(slices.Clone(v.topics), topic)
			v.do(`{"op":"subscribe","sub":"` + topic + `"}`)
		}
	}
	return nil
}

// say says a message, which is for the client or not.
func (v *visitor) say(h *Hub, to Address, reaches bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.seq++
	say(h, v.seq, to)
	if reaches {
		v.want = append(v.want, fmt.Sprint("message ", v.seq))
	}
	if to.Room != "" {
		v.toRoom = append(v.toRoom, fmt.Sprint("message ", v.seq))
	}
}

// burst says large messages at once, of which one batch does not hold all.
func (v *visitor) burst(h *Hub, n int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	h.mu.Lock()
	defer h.mu.Unlock()
	for range n {
		v.seq++
		item := itemAt(Position{Epoch: h.log.epoch, Seq: v.seq}, "", everybody)
		item.Message.From.Name = strings.Repeat("x", 8<<10)
		h.push(newEntry(item, time.Now()))
		v.want = append(v.want, fmt.Sprint("message ", v.seq))
	}
}

// free says whether no op is under way.
func (v *visitor) free() bool {
	if v.pending == nil {
		return true
	}
	select {
	case <-v.pending:
		v.pending = nil
		return true
	default:
		return false
	}
}

// do has an op handled, and returns when what it changes is so. Its reply may have to wait.
func (v *visitor) do(op string) {
	v.pending = make(chan error, 1)
	pending := v.pending
	go func() { pending <- v.s.stream.receive([]byte(op)) }()
	synctest.Wait()
}

// settled says what is not as it must be when the client has taken everything.
func (v *visitor) settled() error {
	if !v.free() {
		return errors.New("a reply has not come")
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.tap.mu.Lock()
	defer v.tap.mu.Unlock()
	if len(v.tap.rest) > 0 && v.tap.room > 0 {
		return fmt.Errorf("%d bytes wait for nothing", len(v.tap.rest))
	}
	v.s.shard.mu.Lock()
	defer v.s.shard.mu.Unlock()
	if v.s.state != idle || v.s.queued || v.s.shard.marked < v.seq {
		return fmt.Errorf("state %d; want idle", v.s.state)
	}
	return nil
}

// check reads what the client got, by the reader of frames that the tests of sockets use.
func (v *visitor) check(stream []byte) error {
	c := &wsClient{br: bufio.NewReader(bytes.NewReader(stream)), deaf: true}
	var got []string
	had := make(map[string]int64)
	for {
		p, err := c.message()
		if errors.Is(err, io.EOF) {
			break
		}
		var e wire
		if err == nil {
			err = json.Unmarshal(p, &e)
		}
		if err != nil {
			return fmt.Errorf("after %v: %w", got, err)
		}
		switch e.Event {
		case "message":
			got = append(got, e.word())
		case "reading":
			if err := newer(had, e.Data); err != nil {
				return err
			}
		}
	}
	if v.loose {
		inRoom := func(m string) bool { return slices.Contains(v.toRoom, m) }
		got, v.want = slices.DeleteFunc(got, inRoom), slices.DeleteFunc(v.want, inRoom)
	}
	if !slices.Equal(got, v.want) {
		return fmt.Errorf("messages %v; want %v", got, v.want)
	}
	for _, topic := range v.topics {
		if had[topic] != v.newest[topic] {
			return fmt.Errorf("reading %s %d; want %d", topic, had[topic], v.newest[topic])
		}
	}
	return nil
}

// newer notes a reading, which comes after what the client had.
func newer(had map[string]int64, data []byte) error {
	var r struct {
		Sub     string
		Version int64
		Same    bool
	}
	if err := json.Unmarshal(data, &r); err != nil {
		return err
	}
	// A topic that was left and taken again is told anew, so the same version may come twice, but none as a change of one that was not had.
	if r.Version < had[r.Sub] || r.Same && had[r.Sub] != r.Version-1 {
		return fmt.Errorf("reading %s %d after %d, same %v", r.Sub, r.Version, had[r.Sub], r.Same)
	}
	had[r.Sub] = r.Version
	return nil
}
