package alerts

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestLevels takes an alert through all its states: the room hears each change once, notifiers what is bad news, and its end.
func TestLevels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		n := w.start("a")
		for _, value := range []float64{70, 85, 86, 95, 96, 85, 70, 70} {
			time.Sleep(10 * time.Second)
			n.judge(map[string]float64{"1": value, "2": 20})
		}
		w.is(w.room, "raised 1", "worse 1", "better 1", "cleared 1")
		w.is(w.mail, "raised 1", "worse 1", "cleared 1")
		if w.room.times() != 4 || w.mail.times() != 3 {
			t.Errorf("told %d and %d times; want 4 and 3", w.room.times(), w.mail.times())
		}
		w.raised(n)
		time.Sleep(10 * time.Second)
		n.judge(map[string]float64{"1": 95})
		n.judge(nil)
		time.Sleep(time.Second)
		n.judge(nil)
		events := w.mail.all()
		again, gone := events[3], events[len(events)-1]
		if again.Alert.ID == events[0].Alert.ID || again.Change != Raised || again.Alert.State != Crit {
			t.Errorf("raised again: %+v; want an alert of its own", again)
		}
		if gone.Change != Cleared || gone.Alert.Reason != ReasonGone || gone.Alert.ID != again.Alert.ID {
			t.Errorf("its end: %+v; want that the record is gone", gone)
		}
	})
}

// TestText holds what people read.
func TestText(t *testing.T) {
	value := 93.5
	a := Alert{Feed: "boilers", Record: "1", Label: "North", Field: "value", Value: &value, Bound: 90, Unit: "°C", State: Crit}
	gone, acked := a, a
	gone.Reason = ReasonGone
	acked.Ack = &Ack{By: "Ann", Note: "on\nit"}
	for _, tt := range []struct {
		event Event
		want  string
	}{
		{Event{Alert: a, Change: Raised}, "boilers North: value 93.5 °C is critical (90 °C or more)"},
		{Event{Alert: a, Change: Cleared}, "boilers North: cleared, value 93.5 °C"},
		{Event{Alert: gone, Change: Cleared}, "boilers North: cleared, the record is gone"},
		{Event{Alert: acked, Change: Acknowledged}, "boilers North: acknowledged by Ann: on it"},
		{Event{Alert: Alert{Feed: "host", Node: "n1", Record: "cpu", Field: "idle", Bound: 5, Below: true, State: Warn}, Change: Raised}, "host@n1 cpu: idle needs a look (5 or less)"},
	} {
		if got := tt.event.Text(); got != tt.want {
			t.Errorf("Text = %q; want %q", got, tt.want)
		}
	}
}

// TestOnce has three nodes make the same judgements at the same moment, again and again.
func TestOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		nodes := []*node{w.start("a"), w.start("b"), w.start("c")}
		var want []string
		for range 5 {
			for _, value := range []float64{95, 20} {
				time.Sleep(5 * time.Second)
				v := verdictOn(map[string]float64{"1": value})
				for _, n := range nodes {
					n.Judge(v)
				}
				synctest.Wait()
			}
			want = append(want, "raised 1", "cleared 1")
		}
		w.is(w.room, want...)
		w.is(w.mail, want...)
		if w.mail.times() != len(want) || w.room.times() != len(want) {
			t.Errorf("told %d and %d times; want %d", w.mail.times(), w.room.times(), len(want))
		}
	})
}

// TestOlderVerdict has a node that was slow say what is no longer so.
func TestOlderVerdict(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		a, b := w.start("a"), w.start("b")
		old := verdictOn(map[string]float64{"1": 95})
		time.Sleep(5 * time.Second)
		a.judge(map[string]float64{"1": 95})
		time.Sleep(5 * time.Second)
		a.judge(map[string]float64{"1": 20})
		time.Sleep(5 * time.Second)
		b.Judge(old)
		synctest.Wait()
		w.is(w.room, "raised 1", "cleared 1")
		w.raised(b)
	})
}

// TestTakeOver ends the node whose change it was before it has told anybody: another one does, once, and under the same ID.
func TestTakeOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		hangs := func(int, Event) error { return errors.New("not now") }
		silent := &people{name: "mail", fail: hangs}
		a := w.start("a", func(o *Options) {
			o.Post = (&people{fail: hangs}).Notify
			o.Notifiers = []Notifier{silent}
		})
		b, c := w.start("b"), w.start("c")
		a.judge(map[string]float64{"1": 95})
		time.Sleep(10 * time.Second)
		w.is(w.mail)
		c.judge(map[string]float64{"1": 20}) // what came first is told first, whoever it is that tells
		time.Sleep(10 * time.Second)
		w.is(w.mail)
		a.stop()
		time.Sleep(10 * time.Second)
		w.is(w.room, "raised 1", "cleared 1")
		w.is(w.mail, "raised 1", "cleared 1")
		if w.mail.times() != 2 {
			t.Errorf("mail was told %d times; want 2", w.mail.times())
		}
		w.raised(b)
		w.raised(c)
	})
}

// TestRestart starts another process over the same store: nothing is raised again, and what was not told is.
func TestRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		w.mail.fail = func(int, Event) error { return errors.New("down") }
		a := w.start("a#1")
		a.judge(map[string]float64{"1": 95, "2": 85})
		time.Sleep(time.Minute)
		a.stop()
		w.mail.fail = nil
		a = w.start("a#2")
		time.Sleep(10 * time.Second)
		a.judge(map[string]float64{"1": 95, "2": 85})
		time.Sleep(10 * time.Second)
		got := w.mail.told()
		slices.Sort(got)
		if !slices.Equal(got, []string{"raised 1", "raised 2"}) || w.room.times() != 2 {
			t.Errorf("mail was told %q, the room %d times; want each alert once", got, w.room.times())
		}
		w.raised(a, "1 crit", "2 warn")
	})
}

// TestMost raises as many as there may be, and goes on when there is room again.
func TestMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		n := w.start("a")
		boilers := make(map[string]float64)
		for i := range Most + 10 {
			boilers[fmt.Sprint(i)] = 95
		}
		n.judge(boilers)
		list, full := n.Alerts()
		if len(list) != Most || !full {
			t.Errorf("%d alerts, full %v; want %d and full", len(list), full, Most)
		}
		time.Sleep(time.Second)
		n.judge(map[string]float64{"0": 20})
		time.Sleep(time.Second)
		n.judge(map[string]float64{"0": 95})
		w.raised(n, "0 crit")
		if _, full := n.Alerts(); full {
			t.Error("still full")
		}
		time.Sleep(10 * time.Second)
		if list, _ = n.Alerts(); len(list) > MostCleared+1 {
			t.Errorf("%d alerts are kept; want %d that were cleared at most", len(list), MostCleared)
		}
	})
}

// TestCleared keeps what was cleared for a day.
func TestCleared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		n := w.start("a")
		n.judge(map[string]float64{"1": 95, "2": 95})
		time.Sleep(time.Second)
		n.judge(map[string]float64{"1": 95})
		time.Sleep(KeepCleared - time.Minute)
		if list, _ := n.Alerts(); len(list) != 2 || list[0].Record != "1" {
			t.Errorf("within a day: %+v; want both, first the one that is raised", list)
		}
		time.Sleep(2 * time.Minute)
		if list, _ := n.Alerts(); len(list) != 1 {
			t.Errorf("%d alerts a day later; want 1", len(list))
		}
	})
}

// TestUnwatched clears what nobody judges any more.
func TestUnwatched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		n := w.start("a")
		n.judge(map[string]float64{"1": 95})
		w.mu.Lock()
		w.unwatched = true
		w.mu.Unlock()
		time.Sleep(unwatchedFor - time.Minute)
		w.raised(n, "1 crit")
		time.Sleep(2 * time.Minute)
		w.is(w.mail, "raised 1", "cleared 1")
		if last := w.mail.all()[1].Alert; last.Reason != ReasonUnwatched {
			t.Errorf("reason %q; want %q", last.Reason, ReasonUnwatched)
		}
	})
}

// TestNames refuses two notifiers that could not be told apart.
func TestNames(t *testing.T) {
	one, two := &people{name: "mail"}, &people{name: "mail"}
	_, err := New(&Memory{}, Options{Post: one.Notify, Notifiers: []Notifier{one, two}})
	if err == nil || !strings.Contains(err.Error(), `"mail"`) {
		t.Errorf("New = %v; want an error that names it", err)
	}
}
