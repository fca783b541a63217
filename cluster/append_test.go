package cluster

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestAppendWhenTheLinkBreaks is about messages sent between the loss of the members and the moment when the node knows that it is alone.
func TestAppendWhenTheLinkBreaks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := lonely("a")
		done := make(chan error, 1)
		go func() {
			p, err := h.Append(t.Context(), "never sent", nil)
			if err == nil && !p.Alone() {
				err = errors.New("it has a place in a log that nobody can reach")
			}
			done <- err
		}()
		time.Sleep(time.Second)
		h.messages.mu.Lock()
		h.messages.degraded = true
		h.messages.show()
		h.messages.mu.Unlock()
		if err := <-done; err != nil {
			t.Errorf("Append of what nobody can have = %v; want it delivered alone", err)
		}
		h.messages.doubt("perhaps sent")
		if _, err := h.Append(t.Context(), "perhaps sent", nil); !errors.Is(err, ErrUnknown) {
			t.Errorf("Append of what may be in the ring = %v; want ErrUnknown", err)
		}
	})
}
