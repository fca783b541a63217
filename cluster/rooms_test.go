package cluster

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"
)

// testManyRooms has those who gave no unionId in so many rooms that their entry is a large request: it must not hold up the small ones.
func testManyRooms(t *testing.T, a, b *node) {
	const rooms = 1500
	e := Entry{Streams: map[string]int{"ws": rooms}, Rooms: make(map[string]int)}
	for i := range rooms {
		e.Rooms[fmt.Sprintf("room-number-%d", i)] = 1
	}
	stop := make(chan struct{})
	var entering sync.WaitGroup
	entering.Go(func() {
		for n := 1; ; n++ {
			e.Streams["ws"] = rooms + n
			b.Enter(e)
			select {
			case <-stop:
				return
			case <-time.After(writeSoon):
			}
		}
	})
	var took []time.Duration
	for i := range 60 {
		begun := time.Now()
		if _, err := b.Claim(t.Context(), ClaimName("rooms", int64(i), 0), time.Minute); err != nil {
			t.Error(err)
		}
		took = append(took, time.Since(begun))
		pause(t.Context(), 20*time.Millisecond)
	}
	close(stop)
	entering.Wait()
	slices.Sort(took)
	slow := took[len(took)*5/6]
	t.Logf("a sixth of the claims takes longer than %v", slow)
	if judged() && slow > 30*time.Millisecond { // the stall takes 44 ms
		t.Errorf("a sixth of the claims takes longer than %v while a large entry is written", slow)
	}
	eventually(t, 20*time.Second, func() error { // who took long to read it last waits before the next time
		if got := len(a.Roster().Rooms); got < rooms {
			return fmt.Errorf("a knows of %d rooms", got)
		}
		return nil
	})
	b.Enter(Entry{})
}
