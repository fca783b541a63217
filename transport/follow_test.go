package transport

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pulsewall/pulsewall/transport/wsconn"
)

// following runs a follower until the test ends, and keeps the data of what it took.
type following struct {
	*Follower
	cancel context.CancelCauseFunc
	ended  chan error

	mu   sync.Mutex
	took []string // guarded by mu
}

func follow(t *testing.T, h *Hub, o Opening, kind Kind) *following {
	t.Helper()
	f, err := h.OpenFollower(t.Context(), o, kind)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	out := &following{Follower: f, cancel: cancel, ended: make(chan error, 1)}
	go func() {
		defer f.Close()
		out.ended <- f.Run(ctx, func(_ context.Context, text []byte) error {
			out.mu.Lock()
			defer out.mu.Unlock()
			out.took = append(out.took, string(text))
			return nil
		})
	}()
	return out
}

// followOnce opens a follower, runs it and closes it.
func followOnce(ctx context.Context, h *Hub, take func(context.Context, []byte) error) error {
	f, err := h.OpenFollower(ctx, Opening{}, SockJS)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Run(ctx, take)
}

func (f *following) taken() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.took...)
}

func TestFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHub(Options{})
		defer h.Close()
		for seq := range int64(3) {
			say(h, seq+1, everybody)
		}
		now := follow(t, h, Opening{UnionID: "7", Rooms: []string{"r"}}, Texts)
		earlier := follow(t, h, Opening{After: Position{Epoch: "local", Seq: 1}.ID()}, Pushes)
		synctest.Wait()
		put(h, "cpu", 1) // nothing for it
		say(h, 4, Address{Room: "r"})
		say(h, 5, Address{Users: []string{"8"}})
		say(h, 6, Address{Users: []string{"7"}})
		say(h, 7, everybody)
		synctest.Wait()
		equal(t, "from now", now.taken(), []string{"4", "6", "7"})
		equal(t, "from a position", earlier.taken(), []string{"2", "3", "7"})
		if got := h.Clients(); got[Texts] != 1 || got[Pushes] != 1 {
			t.Errorf("Clients = %v; want one of each", got)
		}
		if p, r := h.Presence(), h.Room("r"); p.Users != 1 || p.Connections != 2 || r.Connections != 1 {
			t.Errorf("Presence = %+v, Room = %+v; want 1 user, 2 connections, 1 in the room", p, r)
		}
		if s := h.Stats(); s.Deliveries[Texts] != 3 || s.Bytes[Texts] != 3 || s.Sessions[Texts] != 1 {
			t.Errorf("Stats = %+v; want 3 deliveries of a byte each to one session", s)
		}
		gone := errors.New("gone")
		earlier.cancel(gone)
		if err := <-earlier.ended; !errors.Is(err, gone) {
			t.Errorf("Run = %v; want the cause of its context", err)
		}
		if err := h.Drain(t.Context()); err != nil {
			t.Errorf("Drain = %v", err)
		}
		if err := <-now.ended; err != nil {
			t.Errorf("Run = %v; want nil after a bye", err)
		}
	})
}

func TestFollowEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHub(Options{})
		failed := fmt.Errorf("write: %w", wsconn.ErrSlow)
		ended := make(chan error)
		go func() {
			ended <- followOnce(t.Context(), h, func(context.Context, []byte) error { return failed })
		}()
		waiting := make(chan error)
		go func() {
			waiting <- followOnce(t.Context(), h, func(ctx context.Context, _ []byte) error {
				<-ctx.Done() // a client that takes nothing
				return context.Cause(ctx)
			})
		}()
		synctest.Wait()
		say(h, 1, everybody)
		if err := <-ended; !errors.Is(err, failed) {
			t.Errorf("Run = %v; want what take returned", err)
		}
		if n := h.Stats().SlowCloses; n != 1 {
			t.Errorf("%d slow closes; want 1", n)
		}
		go h.Close()
		if err := <-waiting; !errors.Is(err, ErrClosed) {
			t.Errorf("Run = %v; want ErrClosed", err)
		}
		if err := followOnce(t.Context(), h, nil); !errors.Is(err, ErrClosed) {
			t.Errorf("Run = %v; want ErrClosed", err)
		}
	})
}

// TestFollowLoses has a client so slow that the log forgets what it has not taken: it is told once, in its own way, and goes on.
func TestFollowLoses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHub(Options{Keep: 3})
		defer h.Close()
		slow, took := make(chan struct{}), []string{}
		ended := make(chan error)
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			ended <- followOnce(ctx, h, func(_ context.Context, text []byte) error {
				took = append(took, string(text))
				<-slow
				return nil
			})
		}()
		synctest.Wait()
		for seq := range int64(10) {
			say(h, seq+1, everybody)
			synctest.Wait()
		}
		close(slow)
		synctest.Wait()
		say(h, 11, everybody)
		synctest.Wait()
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("Run = %v; want canceled", err)
		}
		wants(t, "taken", strings.Join(took, " "), `1 {"error":"messages may be missing: older messages are no longer kept"} 11`)
	})
}

func TestBecome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHub(Options{})
		defer h.Close()
		f := follow(t, h, Opening{UnionID: "1", Rooms: []string{"r"}}, Pushes)
		say(h, 1, Address{Users: []string{"1"}})
		say(h, 2, Address{Users: []string{"2"}})
		if err := f.Become(t.Context(), "2"); err != nil {
			t.Fatal(err)
		}
		say(h, 3, Address{Users: []string{"1"}})
		say(h, 4, Address{Users: []string{"2"}})
		synctest.Wait()
		equal(t, "taken", f.taken(), []string{"1", "4"})
		if got := h.Online(t.Context(), []string{"1", "2"}); len(got) != 1 || got[0] != "2" || f.UnionID() != "2" {
			t.Errorf("Online = %v, UnionID = %q; want 2 alone", got, f.UnionID())
		}
		if r := h.Room("r"); r.Users != 1 || r.Connections != 1 {
			t.Errorf("Room = %+v; want it there once", r)
		}
		if err := f.Become(t.Context(), ""); err != nil || len(h.Users()) != 0 {
			t.Errorf("Become = %v, Users = %v; want nobody", err, h.Users())
		}
		f.cancel(nil)
		<-f.ended
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := f.Become(ctx, "1"); err == nil {
			t.Error("Become = nil after the end; want an error")
		}
	})
}

// TestBecomeNamed: who says its name first and then who it is has that name; who becomes somebody else leaves it behind.
func TestBecomeNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHub(Options{})
		defer h.Close()
		f := follow(t, h, Opening{Name: "Ann"}, Pushes)
		for _, step := range []struct{ user, name string }{{"1", "Ann"}, {"1", "Ann"}, {"2", ""}, {"1", ""}} {
			if err := f.Become(t.Context(), step.user); err != nil {
				t.Fatal(err)
			}
			if u := h.Users(); len(u) != 1 || u[0].UnionID != step.user || u[0].Name != step.name {
				t.Errorf("Users = %+v; want %s called %q", u, step.user, step.name)
			}
		}
	})
}

// TestBecomeLosesNothing: wherever the change falls among messages for both users, each message comes once, to who it was for at one place.
func TestBecomeLosesNothing(t *testing.T) {
	for range 200 {
		h := NewHub(Options{})
		f := follow(t, h, Opening{UnionID: "1"}, Pushes)
		const total = 60
		to := func(seq int) Address { return Address{Users: [][]string{{"1"}, {"2"}, {"1", "2"}}[seq%3]} }
		var wg sync.WaitGroup
		wg.Go(func() {
			for seq := 1; seq <= total; seq++ {
				say(h, int64(seq), to(seq))
			}
		})
		if err := f.Become(t.Context(), "2"); err != nil {
			t.Fatal(err)
		}
		wg.Wait()
		say(h, total+1, everybody)
		eventually(t, func() error {
			if got := f.taken(); len(got) == 0 || got[len(got)-1] != strconv.Itoa(total+1) {
				return errors.New("the last message has not come")
			}
			return nil
		})
		if got := f.taken(); !cutSomewhere(got, total, to) {
			t.Fatalf("taken %v; want those for 1 up to some place and those for 2 from there", got)
		}
		h.Close()
		<-f.ended
	}
}

// cutSomewhere says whether got is what user 1 gets up to a place and user 2 from there.
func cutSomewhere(got []string, total int, to func(seq int) Address) bool {
	for cut := range total + 1 {
		var want []string
		for seq := 1; seq <= total; seq++ {
			user := "1"
			if seq > cut {
				user = "2"
			}
			if to(seq).reaches(Reader{UnionID: user}) {
				want = append(want, strconv.Itoa(seq))
			}
		}
		if slices.Equal(append(want, strconv.Itoa(total+1)), got) {
			return true
		}
	}
	return false
}
