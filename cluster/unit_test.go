package cluster

import (
	"bytes"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestParseAddress(t *testing.T) {
	tests := []struct {
		in        string
		addresses []string
		cluster   string
		user      string
		bad       bool
	}{
		{in: "hazelcast://127.0.0.1:5701,127.0.0.1:5702/wall", addresses: []string{"127.0.0.1:5701", "127.0.0.1:5702"}, cluster: "wall"},
		{in: "hazelcast://db.example", addresses: []string{"db.example:5701"}, cluster: "pulsewall"},
		{in: "hazelcast://ann:secret@a,b:9/", addresses: []string{"a:5701", "b:9"}, cluster: "pulsewall", user: "ann"},
		{in: "hazelcast://[::1]:5701/x", addresses: []string{"[::1]:5701"}, cluster: "x"},
		{in: "hazelcast://a,/x", bad: true},
		{in: "hazelcast:///x", bad: true},
		{in: "redis://a/x", bad: true},
		{in: "a:5701", bad: true},
		{in: "hazelcast://ann:secret@a:b:c/x?", bad: true},
		{in: "ann:secret@a", bad: true},
		{in: "hazelcast://ann:secret@,/x", bad: true},
		{in: "", bad: true},
	}
	for _, tt := range tests {
		o, err := ParseAddress(tt.in)
		if (err != nil) != tt.bad || !tt.bad && (!slices.Equal(o.Addresses, tt.addresses) || o.Cluster != tt.cluster || o.User != tt.user) {
			t.Errorf("ParseAddress(%q) = %q, %q, %q, %v; want %q, %q, %q", tt.in, o.Addresses, o.Cluster, o.User, err,
				tt.addresses, tt.cluster, tt.user)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("ParseAddress(%q) tells the secret: %v", tt.in, err)
		}
	}
}

func TestClock(t *testing.T) {
	var c clock
	if _, ok := c.shift(); ok {
		t.Error("a clock that was never seen has a shift")
	}
	at := time.Now()
	for _, d := range []time.Duration{-14900, -15000, -14000} {
		c.sample(at, d*time.Millisecond)
	}
	if got, _ := c.shift(); got != -15*time.Second {
		t.Errorf("shift = %v, want the smallest difference", got)
	}
	c.sample(at.Add(clockWindow+1), 2*time.Second) // the clock was set
	if got, _ := c.shift(); got != -15*time.Second {
		t.Errorf("shift = %v, want that of the window before as well", got)
	}
	c.sample(at.Add(2*clockWindow+2), 2*time.Second)
	if got, _ := c.shift(); got != 2*time.Second {
		t.Errorf("shift = %v, want that of the clock as it is now", got)
	}
}

// TestClockOfWhatIsOld has signs of life that stood in the map for a while: what such a node polled must not look fresher for it.
func TestClockOfWhatIsOld(t *testing.T) {
	n := NewHazelcast("a", newRecorder(), Options{Addresses: []string{"none"}}).nodes
	now := time.Now()
	about := func(got, want time.Duration) bool { return (got - want).Abs() < 5*time.Second }
	n.sign(sign("b#1", 1, now.Add(-20*time.Second)), true)
	if got := n.shift("b#1", now.Add(-time.Minute)); got != 0 {
		t.Errorf("shift = %v of a node that may have died 20 s ago, want 0", got)
	}
	n.sign(sign("b#1", 1, now.Add(-19*time.Second)), false)
	if got := n.shift("b#1", now); !about(got, 19*time.Second) {
		t.Errorf("shift = %v of a clock that is 19 s behind", got)
	}
	n.sign(sign("c#1", 1, now.Add(15*time.Second)), true)
	if got := n.shift("c#1", now); !about(got, -15*time.Second) {
		t.Errorf("shift = %v of a clock that is 15 s ahead", got)
	}
}

// sign is what a node says every 3 s.
func sign(incarnation string, counter int64, at time.Time) []byte {
	return newFrame().str(incarnation).int(counter).int(0).time(at)
}

// TestSilence is about nodes that give no sign of life any more, with clocks that are wrong.
func TestSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHazelcast("a", newRecorder(), Options{Addresses: []string{"none"}})
		alone := func(is bool) {
			h.messages.degraded = is
			h.messages.show()
		}
		alone(false)
		n := h.nodes
		begun := time.Now()
		for second := range 41 {
			n.mu.Lock()
			n.read = time.Now()
			n.mu.Unlock()
			if second%3 == 0 {
				n.sign(sign("b#1", int64(1+second/3), time.Now().Add(time.Hour)), true)
				if second < 12 {
					n.sign(sign("c#1", int64(1+second/3), time.Now().Add(-time.Hour)), true)
				}
				n.sign(sign("c#0", 7, time.Now()), true) // what stands in the map of one that died long ago
			}
			n.judge(time.Now())
			want := []string{"a", "b", "c"}
			switch {
			case second < 3: // nothing has moved yet
				want = []string{"a"}
			case second >= 19: // the last sign came at 9
				want = []string{"a", "b"}
			}
			if got := living(h); !slices.Equal(got, want) {
				t.Fatalf("after %v Nodes() has %q, want %q", time.Since(begun), got, want)
			}
			time.Sleep(time.Second)
		}
		if got := n.shift("b#1", time.Now()); got != -time.Hour {
			t.Errorf("shift = %v, want an hour less", got)
		}
		n.sign(sign("b#1", left, time.Now()), false)
		n.sign(sign("b#1", 3, time.Now()), true)  // read before it left
		n.sign(sign("b#1", 99, time.Now()), true) // the same, and nothing has told of it before
		if got := living(h); !slices.Equal(got, []string{"a"}) {
			t.Errorf("after a goodbye Nodes() has %q", got)
		}
		n.sign(sign("c#1", 50, time.Now()), true)
		if got := living(h); !slices.Equal(got, []string{"a", "c"}) {
			t.Errorf("Nodes() has %q; one that was only frozen is back", got)
		}
		time.Sleep(time.Minute) // this node hears nothing: it cannot call anybody silent
		n.judge(time.Now())
		if got := living(h); !slices.Equal(got, []string{"a", "c"}) {
			t.Errorf("a node that hears nothing has %q", got)
		}
		alone(true)
		if got := living(h); !slices.Equal(got, []string{"a"}) {
			t.Errorf("a node alone has %q", got)
		}
	})
}

// TestGoodbye counts the users of a node from its first sign of life that is of now, and no more as soon as it says goodbye, which is
// for good: another start has another name.
func TestGoodbye(t *testing.T) {
	h := NewHazelcast("a", newRecorder(), Options{Addresses: []string{"none"}})
	h.messages.degraded = false
	h.messages.show()
	h.presence.remote = map[string]map[string]Entry{"b#1": {"7": {User: "7", Streams: map[string]int{"ws": 1}}}}
	for i, tt := range []struct {
		counter int64
		full    bool
		want    int
	}{{1, true, 0}, {2, false, 1}, {left, false, 0}, {3, true, 0}} {
		h.nodes.sign(sign("b#1", tt.counter, time.Now()), tt.full)
		if got := h.Roster().Connections; got != tt.want {
			t.Errorf("after sign %d of b %d connections are counted, want %d", i+1, got, tt.want)
		}
	}
}

// TestUnseenClock is a reading of a node that was never heard: it may look older than it is, never newer.
func TestUnseenClock(t *testing.T) {
	h := NewHazelcast("a", newRecorder(), Options{Addresses: []string{"none"}})
	if got := h.nodes.shift("z#1", time.Now().Add(-time.Minute)); got != 0 {
		t.Errorf("shift of an old reading = %v, want 0", got)
	}
	if got := h.nodes.shift("z#1", time.Now().Add(time.Minute)); got > -59*time.Second {
		t.Errorf("shift of a reading from the future = %v, want a minute less", got)
	}
}

func TestEntryFrame(t *testing.T) {
	e := Entry{User: "7", Name: "Ann", Streams: map[string]int{"ws": 1, "sse": 2}, Rooms: map[string]int{"r": 3}}
	got, err := parseEntry(e.frame())
	if err != nil || !reflect.DeepEqual(got, e) {
		t.Errorf("parseEntry = %+v, %v; want %+v", got, err, e)
	}
}

func FuzzFrames(f *testing.F) {
	w := wireReading{sub: "s", version: 1, incarnation: "a#1", sent: time.UnixMicro(5)}
	packed, _, _ := w.pack(bytes.Repeat([]byte("x"), 20_000))
	f.Add(packed)
	f.Add([]byte(newFrame().str("key")))
	f.Add(Entry{User: "7", Streams: map[string]int{"ws": 1}}.frame())
	f.Fuzz(func(t *testing.T, b []byte) {
		if w, err := parseReading(b); err == nil {
			again, err := parseReading(w.frame())
			if err != nil || !reflect.DeepEqual(again, w) {
				t.Errorf("a reading of %q reads back as %+v, %v; want %+v", b, again, err, w)
			}
			_, _ = w.data()
		}
		if e, err := parseEntry(b); err == nil {
			if again, err := parseEntry(e.frame()); err != nil || !reflect.DeepEqual(again, e) {
				t.Errorf("an entry of %q reads back as %+v, %v; want %+v", b, again, err, e)
			}
		}
		if it := ringItem(5, b); it.key == "" && len(b) > 0 && it.mark == 0 {
			t.Errorf("an item of %q has no mark", b)
		}
	})
}

// TestSignOfLife: what only stands in the map proves nobody alive; what is told does, and is answered.
func TestSignOfLife(t *testing.T) {
	h := NewHazelcast("a", newRecorder(), Options{Addresses: []string{"none"}})
	h.messages.degraded = false
	h.messages.show()
	h.nodes.sign(sign("b#1", 7, time.Now()), true)
	if got := living(h); !slices.Equal(got, []string{"a"}) {
		t.Errorf("from the map: %q live", got)
	}
	h.nodes.sign(sign("b#1", 7, time.Now()), true)
	h.nodes.sign(sign("b#1", 8, time.Now()), true)
	h.nodes.sign(sign("c#1", 1, time.Now()), false)
	if got := living(h); !slices.Equal(got, []string{"a", "b", "c"}) {
		t.Errorf("after signs: %q live", got)
	}
	select {
	case <-h.nodes.bell:
	default:
		t.Error("a new node is not answered")
	}
}
