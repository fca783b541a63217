package transport

import (
	"testing"
	"time"
)

// TestNodeThatIsBehind has clients come with readings that the node has not heard of yet, from one that has.
func TestNodeThatIsBehind(t *testing.T) {
	cursor := position{Position: Position{Epoch: "e"}, versions: map[uint32]int64{topicHash("cpu"): 7}}.cursor()
	came := Opening{Topics: []string{"cpu"}, After: cursor}
	inBubble(t, Options{}, func(t *testing.T, h *Hub) {
		put(h, "cpu", 6)
		s := open(t, h, came)
		wants(t, "what is older than the client has", next(t, s), "nothing")
		put(h, "cpu", 7)
		wants(t, "what it has", next(t, s), "nothing")
		put(h, "cpu", 8)
		wants(t, "what is newer", next(t, s), "reading cpu 8 same")
	})
	inBubble(t, Options{}, func(t *testing.T, h *Hub) {
		put(h, "cpu", 6)
		s, began := open(t, h, came), time.Now()
		batch, err := s.Next(t.Context(), began.Add(time.Minute))
		if got := words(batch.events); err != nil || got != "reading cpu 6" || time.Since(began) != mostBehind {
			t.Errorf("%s after %v, %v; want what there is after %v", got, time.Since(began), err, mostBehind)
		}
	})
	inBubble(t, Options{Epoch: "another"}, func(t *testing.T, h *Hub) {
		put(h, "cpu", 6)
		wants(t, "of another life", next(t, open(t, h, came)), "reset, reading cpu 6")
	})
}
