package alerts

import (
	"bytes"
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestManyCleared has more cleared at once than are kept, while another node has yet to look: none of them comes back.
func TestManyCleared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		a := w.start("a")
		time.Sleep(refreshEvery / 2)
		b := w.start("b")
		hot := make(map[string]float64)
		for i := range MostCleared + 100 {
			hot[strconv.Itoa(i)] = 95
		}
		a.judge(hot)
		time.Sleep(3*refreshEvery + 3*refreshEvery/4) // b looks next
		for name := range hot {
			hot[name] = 20
		}
		b.judge(hot)
		time.Sleep(10 * refreshEvery)
		w.raised(a)
		w.raised(b)
		b.judge(hot)
		if got, want := w.mail.times(), 2*len(hot); got != want {
			t.Errorf("mail was told %d times; want %d", got, want)
		}
		time.Sleep(time.Hour)
		if list, _ := a.Alerts(); len(list) != MostCleared {
			t.Errorf("%d cleared alerts are kept; want %d", len(list), MostCleared)
		}
	})
}

// TestStoreGoesBack has the store lose the last write, as of a member whose backup was behind: the node that made it writes it again.
func TestStoreGoesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		a, b := w.start("a"), w.start("b")
		a.judge(map[string]float64{"1": 95})
		time.Sleep(2 * refreshEvery)
		before, err := w.shared.All(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		a.judge(map[string]float64{"1": 20})
		for key, old := range before {
			now := a.get(key).raw
			if got, err := w.shared.Swap(t.Context(), key, now, old); err != nil || !bytes.Equal(got, old) {
				t.Fatalf("the store has %s, %v", got, err)
			}
		}
		for range 5 {
			time.Sleep(refreshEvery)
			a.judge(map[string]float64{"1": 20})
		}
		w.raised(a)
		w.raised(b)
		w.is(w.mail, "raised 1", "cleared 1")
		if got := w.mail.times(); got != 2 {
			t.Errorf("mail was told %d times; want 2", got)
		}
	})
}

// TestStoreFails has a store that takes nothing, as on a full disk: that is logged once, alerts are raised and told all the same, and kept
// when there is room again.
func TestStoreFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		var log strings.Builder // written by the engine alone, which waits when it is read
		a := w.start("a", func(o *Options) { o.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
		w.shared.breaks(errors.New("disk full"))
		a.judge(map[string]float64{"1": 95})
		time.Sleep(aloneAfter / 2)
		w.is(w.mail)
		time.Sleep(aloneAfter)
		w.is(w.mail, "raised 1")
		w.raised(a, "1 crit")
		synctest.Wait()
		if n := strings.Count(log.String(), "disk full"); n != 1 {
			t.Errorf("the log says it %d times; want once:\n%s", n, &log)
		}
		w.shared.breaks(nil)
		time.Sleep(2 * refreshEvery)
		synctest.Wait()
		if !strings.Contains(log.String(), "stored again") {
			t.Errorf("the log does not say that it is over:\n%s", &log)
		}
		a.stop()
		b := w.start("b")
		w.raised(b, "1 crit")
		b.judge(map[string]float64{"1": 20})
		time.Sleep(2 * refreshEvery)
		w.is(w.mail, "raised 1", "cleared 1")
	})
}

// TestTooManyUntold has an alert change more often than a dead notifier's events are kept: what is given up is counted.
func TestTooManyUntold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		w.mail.fail = func(int, Event) error { return errors.New("down") }
		a := w.start("a")
		const more = 8
		for i := range mostUntold + more {
			time.Sleep(time.Second)
			a.judge(map[string]float64{"1": []float64{95, 20}[i%2]})
		}
		told := a.Told()
		if got := told["mail"].GivenUp; got != more {
			t.Errorf("%d are given up by mail; want %d", got, more)
		}
		if got := told[room]; got.Done != mostUntold+more || got.GivenUp != 0 {
			t.Errorf("the room: %+v; want all %d told", got, mostUntold+more)
		}
	})
}
