package transport

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// tape is a writer that notes what it is given and when.
type tape struct {
	start time.Time
	slow  time.Duration // for each write

	mu    sync.Mutex
	lines []string
	all   []*event
}

func (w *tape) write(ctx context.Context, events []*event) (int, error) {
	if w.slow > 0 {
		time.Sleep(w.slow)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range events {
		w.lines = append(w.lines, strings.TrimSpace(fmt.Sprintf("%v %s %s", time.Since(w.start), word(e.name, e.data), e.id)))
		w.all = append(w.all, e)
	}
	return 1, ctx.Err()
}

func (w *tape) told() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	lines := w.lines
	w.lines = nil
	return lines
}

// streaming starts a stream; the function returned ends it and gives its error.
func streaming(t *testing.T, s *Session, w *tape) (stop func() error) {
	t.Helper()
	w.start = time.Now()
	ended := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { ended <- s.run(ctx, w); s.Close() }()
	synctest.Wait()
	stop = sync.OnceValue(func() error { cancel(); return <-ended })
	t.Cleanup(func() { _ = stop() })
	return stop
}

// after waits, and then tells what was written meanwhile.
func after(d time.Duration, w *tape) []string {
	time.Sleep(d)
	synctest.Wait()
	return w.told()
}

// TestStreamReset breaks a stream after each of its first writes: a client that has a position from after a gap was told of the gap.
func TestStreamReset(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, h *Hub) {
		say(h, 1, everybody)
		for _, after := range []string{"f-7", "e-9", "nonsense"} {
			w := &tape{slow: time.Second}
			stop := streaming(t, open(t, h, Opening{After: after}), w)
			time.Sleep(1500 * time.Millisecond) // in the second write, if there is one
			_ = stop()
			told := w.told()
			equal(t, "after "+after, told[:min(2, len(told))], []string{"1s hello e-1", "1s reset e-1"})
		}
	})
}

func TestStreamHeartbeats(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, h *Hub) {
		w := &tape{}
		s := open(t, h, Opening{Topics: []string{"cpu"}})
		streaming(t, s, w)
		equal(t, "silence", after(31*time.Second, w), []string{"0s hello e-0", "15s heartbeat e-0", "30s heartbeat e-0"})
		say(h, 1, Address{Room: "elsewhere"})
		equal(t, "position passed", after(15*time.Second, w), []string{"45s heartbeat e-1"})
		say(h, 2, everybody) // at 46 s
		equal(t, "a message begins the silence anew", after(20*time.Second, w), []string{"46s message 2 e-2", "1m1s heartbeat e-2"})
		put(h, "cpu", 1) // at 66 s
		equal(t, "so does a reading", after(16*time.Second, w), []string{"1m6s reading cpu 1", "1m21s heartbeat e-2"})
	})
}

func TestStreamNamesPositionEveryMinute(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, h *Hub) {
		w := &tape{}
		streaming(t, open(t, h, Opening{Topics: []string{"cpu"}}), w)
		var got []string
		for v := range int64(18) {
			time.Sleep(7 * time.Second)
			say(h, v+1, Address{Room: "elsewhere"})
			put(h, "cpu", v+1)
			synctest.Wait()
			for _, line := range w.told() {
				if !strings.Contains(line, "reading") {
					got = append(got, line)
				}
			}
		}
		equal(t, "events with an id", got, []string{"0s hello e-0", "1m0s heartbeat e-8", "2m0s heartbeat e-17"})
	})
}

func TestStreamBehindGetsNoHeartbeat(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, h *Hub) {
		w := &tape{slow: 20 * time.Second}
		streaming(t, open(t, h, Opening{Topics: []string{"cpu"}}), w)
		put(h, "cpu", 1)
		time.Sleep(30 * time.Second)
		put(h, "cpu", 2)
		put(h, "cpu", 3)
		equal(t, "written", after(55*time.Second, w), []string{
			"20s hello e-0", "40s reading cpu 1", "1m0s reading cpu 3",
		})
	})
}

func TestStreamHello(t *testing.T) {
	inBubble(t, Options{Node: "n1"}, func(t *testing.T, h *Hub) {
		say(h, 1, everybody)
		w := &tape{}
		after := position{Position: Position{Epoch: "e", Seq: 0}, versions: map[uint32]int64{topicHash("b"): 4}}.cursor()
		streaming(t, open(t, h, Opening{Session: "tab", Topics: []string{"b", "a"}, After: after}), w)
		var got map[string]any
		if err := json.Unmarshal(w.all[0].data, &got); err != nil {
			t.Fatal(err)
		}
		want := map[string]any{"session": "tab", "node": "n1", "transport": "websocket", "cursor": after,
			"subs": []any{"b", "a"}, "heartbeat": 15., "time": "2000-01-01T00:00:00.000Z"}
		if fmt.Sprint(got) != fmt.Sprint(want) || w.all[0].id != "e-0" {
			t.Errorf("hello %s = %v; want e-0 %v", w.all[0].id, got, want)
		}
		streaming(t, open(t, h, Opening{}), w)
		if b := w.all[len(w.all)-1].data; !strings.Contains(string(b), `"subs":[]`) {
			t.Errorf("hello = %s; want subs [], not null", b)
		}
	})
}

func TestDrain(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, h *Hub) {
		const n = 400
		tapes := make([]*tape, n)
		ends := make([]func() error, n)
		for i := range tapes {
			tapes[i] = &tape{}
			s, err := h.open(Opening{}, SSE)
			if err != nil {
				t.Fatal(err)
			}
			ends[i] = streaming(t, s, tapes[i])
		}
		if err := h.Drain(t.Context()); err != nil || !h.Draining() {
			t.Fatalf("Drain = %v, draining %v; want it done", err, h.Draining())
		}
		var slots []int64
		for i, w := range tapes {
			last := w.all[len(w.all)-1]
			var b bye
			if err := json.Unmarshal(last.data, &b); err != nil || last.name != "bye" || b.Retry != last.retry.Milliseconds() || b.Reason == "" {
				t.Fatalf("last event = %s %s, %v; want a bye", last.name, last.data, err)
			}
			slots = append(slots, b.Retry)
			if err := ends[i](); err != nil {
				t.Errorf("stream = %v; want nil after a bye", err)
			}
		}
		// 400 clients in 1 s + 400 × 5 ms: the tenths of it all have somebody.
		slices.Sort(slots)
		for i := range int64(10) {
			from := 250 + i*300
			if j, _ := slices.BinarySearch(slots, from); j == n || slots[j] > from+300 {
				t.Errorf("nobody comes back between %d and %d ms", from, from+300)
			}
		}
		if first, last := slots[0], slots[n-1]; first < 250 || last > 3250 {
			t.Errorf("slots from %d to %d ms; want 250 to 3250", first, last)
		}
		if _, err := h.open(Opening{}, SSE); !errors.Is(err, ErrClosed) {
			t.Errorf("open while draining = %v; want ErrClosed", err)
		}
		if err := h.Probe(t.Context()); err != nil {
			t.Errorf("Probe while draining = %v; want alive", err)
		}
	})
}

func TestDrainGivesUp(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, h *Hub) {
		open(t, h, Opening{}) // does nothing
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := h.Drain(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Drain = %v; want DeadlineExceeded", err)
		}
	})
}

func TestProbe(t *testing.T) {
	h := NewHub(Options{})
	var wg sync.WaitGroup
	for range 50 { // at once: no probe may take another's answer away
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			if err := h.Probe(ctx); err != nil {
				t.Errorf("Probe = %v; want nil", err)
			}
		})
	}
	wg.Wait()
	if n := len(h.topics) + sessions(h) + len(h.roll.clients); n != 0 {
		t.Errorf("probes left %d things behind", n)
	}
	h.Close()
	if err := h.Probe(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("Probe = %v; want ErrClosed", err)
	}
}

// deaf is an outlet that hangs from when it is told something, until the channel is closed.
type deaf struct {
	*tap

	hangs chan struct{}
}

func (o deaf) Try(p []byte) (bool, error) {
	if bytes.Contains(p, []byte("reading")) {
		<-o.hangs
	}
	return o.tap.Try(p)
}

// TestProbeOfEachShard: a probe fails while one shard hangs.
func TestProbeOfEachShard(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, h *Hub) {
		for _, sh := range h.shards {
			topic := fmt.Sprint("cpu", sh.index) // of which nothing comes with hello
			s, err := h.openIn(sh, Opening{Topics: []string{topic}}, WebSocket)
			if err != nil {
				t.Fatal(err)
			}
			out := deaf{newTap(1 << 30), make(chan struct{})}
			s.begin(out, wsPlain, nil, func(error) {})
			put(h, topic, 1)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			if err := h.Probe(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Probe while shard %d hangs = %v; want DeadlineExceeded", sh.index, err)
			}
			cancel()
			close(out.hangs)
			if err := h.Probe(t.Context()); err != nil {
				t.Errorf("Probe = %v; want nil", err)
			}
			s.End(ErrClosed)
		}
		if n := h.Stats().Deliveries[WebSocket]; n != 2*uint64(len(h.shards)) {
			t.Errorf("%d deliveries; want hello and a reading each, and no probe", n)
		}
	})
}

func TestCloseEndsStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHub(Options{})
		end := streaming(t, open(t, h, Opening{}), &tape{})
		h.Close()
		if err := end(); !errors.Is(err, ErrClosed) {
			t.Errorf("stream = %v; want ErrClosed", err)
		}
		h.Close() // again does nothing
	})
}
