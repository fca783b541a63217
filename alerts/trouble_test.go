package alerts

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestAgain has a notifier that fails: its events wait, each in its turn, and nobody else does.
func TestAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		w.mail.fail = func(n int, _ Event) error {
			switch n {
			case 1, 2:
				return errors.New("down")
			case 3:
				return Later(errors.New("busy"), 10*time.Minute)
			}
			return nil
		}
		other := &people{name: "other"}
		n := w.start("a", func(o *Options) { o.Notifiers = append(o.Notifiers, other) })
		began := time.Now()
		n.judge(map[string]float64{"1": 95})
		w.is(other, "raised 1")
		w.is(w.room, "raised 1")
		time.Sleep(9 * time.Minute)
		n.judge(nil)
		w.is(w.mail)
		w.is(other, "raised 1", "cleared 1")
		time.Sleep(time.Hour)
		w.is(w.mail, "raised 1", "cleared 1")
		if told := n.Told()["mail"]; told != (Told{Done: 2, Failed: 3}) {
			t.Errorf("mail: %+v; want 2 told and 3 failed", told)
		}
		if at := w.mail.all()[0].Time; at.Sub(began) > time.Second {
			t.Errorf("the event is of %s; want when it happened", at)
		}
	})
}

// TestGivenUp gives up what is of no use, and what was tried for a day.
func TestGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		w.mail.fail = func(_ int, e Event) error {
			if e.Alert.Record == "bad" {
				return Permanent(errors.New("no such address"))
			}
			return errors.New("down")
		}
		n := w.start("a")
		n.judge(map[string]float64{"bad": 95, "1": 95})
		time.Sleep(time.Minute)
		if told := n.Told()["mail"]; told.GivenUp != 1 {
			t.Errorf("mail: %+v; want one given up", told)
		}
		time.Sleep(giveUpAfter + 2*lastAgain)
		if told := n.Told()["mail"]; told.GivenUp != 2 || told.Done != 0 || told.Failed < 100 {
			t.Errorf("mail: %+v; want both given up, one after many tries", told)
		}
		w.raised(n, "1 crit", "bad crit")
	})
}

// TestStray has a notifier taken out of the configuration while an event waits for it: a day later nothing waits any more.
func TestStray(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		w.mail.fail = func(int, Event) error { return errors.New("down") }
		n := w.start("a")
		n.judge(map[string]float64{"1": 95})
		n.stop()
		waiting := func() (count int) {
			t.Helper()
			all, err := w.shared.All(t.Context())
			if err != nil || len(all) != 1 {
				t.Fatalf("the store has %d alerts, %v; want one", len(all), err)
			}
			for _, raw := range all {
				e, err := decode(raw)
				if err != nil {
					t.Fatal(err)
				}
				count += len(e.Untold)
			}
			return count
		}
		n = w.start("b", func(o *Options) { o.Notifiers = nil })
		time.Sleep(giveUpAfter - time.Minute)
		if got := waiting(); got != 1 {
			t.Errorf("%d events wait before a day is over; want one, as the notifier may come back", got)
		}
		time.Sleep(2 * time.Minute)
		if got := waiting(); got != 0 {
			t.Errorf("%d events wait after a day; want none", got)
		}
		w.raised(n, "1 crit")
	})
}

// TestPanic has a notifier that panics: it is given up, and the others are told.
func TestPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		w.mail.fail = func(int, Event) error { panic("oh") }
		n := w.start("a")
		n.judge(map[string]float64{"1": 95})
		w.is(w.room, "raised 1")
		if told := n.Told()["mail"]; told.GivenUp != 1 {
			t.Errorf("mail: %+v; want one given up", told)
		}
	})
}

// TestShortOutage takes the store away for less than half a minute: nothing is told twice, and nothing is lost.
func TestShortOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		a, b := w.start("a"), w.start("b")
		a.judge(map[string]float64{"1": 95})
		w.shared.breaks(ErrAlone)
		time.Sleep(3 * time.Second)
		for range 4 {
			a.judge(map[string]float64{"1": 20, "2": 95})
			b.judge(map[string]float64{"1": 20, "2": 95})
			time.Sleep(5 * time.Second)
		}
		w.is(w.mail, "raised 1")
		w.shared.breaks(nil)
		time.Sleep(10 * time.Second)
		w.raised(a, "2 crit")
		w.raised(b, "2 crit")
		if got := w.mail.times(); got != 3 {
			t.Errorf("mail was told %d times, %q; want 3", got, w.mail.told())
		}
	})
}

// TestLongOutage takes it away for longer: each node goes on by itself, and afterwards they agree again.
func TestLongOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		a, b := w.start("a"), w.start("b")
		a.judge(map[string]float64{"1": 95, "2": 95})
		time.Sleep(5 * time.Second)
		w.shared.breaks(ErrAlone)
		for range 8 {
			time.Sleep(10 * time.Second)
			a.judge(map[string]float64{"1": 20, "2": 95})
			b.judge(map[string]float64{"1": 20, "2": 95})
		}
		w.raised(a, "2 crit")
		w.raised(b, "2 crit")
		if got := w.mail.told(); len(got) != 3 { // both nodes told it, under one ID
			t.Errorf("mail was told %q; want that 1 is cleared", got)
		}
		w.shared.breaks(nil)
		time.Sleep(10 * time.Second)
		a.judge(map[string]float64{"1": 95, "2": 20})
		time.Sleep(10 * time.Second)
		w.raised(a, "1 crit")
		w.raised(b, "1 crit")
		if got := w.mail.told(); len(got) != 5 {
			t.Errorf("mail was told %q; want 5 changes", got)
		}
	})
}

// TestLostStore empties the store: what was raised stays raised, and nobody is told again.
func TestLostStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		a, b := w.start("a"), w.start("b")
		a.judge(map[string]float64{"1": 95})
		time.Sleep(5 * time.Second)
		w.shared.Memory.mu.Lock()
		w.shared.values = nil
		w.shared.Memory.mu.Unlock()
		time.Sleep(5 * time.Second)
		b.judge(map[string]float64{"1": 95})
		time.Sleep(5 * time.Second)
		w.raised(a, "1 crit")
		w.raised(b, "1 crit")
		if w.mail.times() != 1 || w.room.times() != 1 {
			t.Errorf("told %d and %d times; want once", w.mail.times(), w.room.times())
		}
		w.shared.Memory.mu.Lock()
		w.shared.values = nil
		w.shared.Memory.mu.Unlock()
		b.judge(nil) // before anybody has noticed
		// Where both look in the same moment, a brings back what was raised, b puts it right with its next look, and a sees that with
		// the one after: three of them.
		time.Sleep(3*refreshEvery + refreshEvery/2)
		w.raised(a)
		w.raised(b)
		w.is(w.mail, "raised 1", "cleared 1")
		w.is(w.room, "raised 1", "cleared 1")
	})
}

// TestAcknowledge notes who knows, once, on all nodes.
func TestAcknowledge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		a, b := w.start("a"), w.start("b")
		a.judge(map[string]float64{"1": 95})
		time.Sleep(5 * time.Second)
		list, _ := b.Alerts()
		id := list[0].ID
		if got, err := b.Acknowledge(t.Context(), id, "Ann", "on it"); err != nil || got.Ack == nil || got.Ack.By != "Ann" {
			t.Fatalf("Acknowledge = %+v, %v", got, err)
		}
		if _, err := a.Acknowledge(t.Context(), id, "Bob", ""); !errors.Is(err, ErrAcknowledged) {
			t.Errorf("a second time: %v; want ErrAcknowledged", err)
		}
		if _, err := a.Acknowledge(t.Context(), "none", "Bob", ""); !errors.Is(err, ErrUnknown) {
			t.Errorf("one that is not there: %v; want ErrUnknown", err)
		}
		time.Sleep(5 * time.Second)
		w.is(w.room, "raised 1", "acknowledged 1")
		w.is(w.mail, "raised 1")
		a.judge(nil)
		time.Sleep(5 * time.Second)
		if _, err := b.Acknowledge(t.Context(), id, "Bob", ""); !errors.Is(err, ErrCleared) {
			t.Errorf("one that is cleared: %v; want ErrCleared", err)
		}
		w.is(w.mail, "raised 1", "cleared 1")
	})
}
