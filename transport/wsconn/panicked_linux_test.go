package wsconn

import (
	"errors"
	"testing"
	"time"
)

// TestPanicked: what panics while a client's bytes are read ends that connection, which is told so, and no other.
func TestPanicked(t *testing.T) {
	h := newHouse(t, Options{})
	other, neighbour := h.dial(t, "", "")
	e := listenTo(other)
	for name, early := range map[string]string{"later": "", "with the handshake": string(maskedFrame(fin|opText, []byte("x")))} {
		t.Run(name, func(t *testing.T) {
			server, client := h.dial(t, "", early)
			ended := make(chan error, 2)
			server.Receive(func([]byte) error { panic("of a message") }, func(err error) { ended <- err })
			if early == "" {
				send(t, client, maskedFrame(fin|opText, []byte("x")))
			}
			send(t, client, maskedFrame(fin|opClose, []byte{3, 0xe8}))
			wantRest(t, client, "\x88\x02\x03\xf3")
			select {
			case err := <-ended:
				if p := (*Panicked)(nil); !errors.As(err, &p) || p.Value != "of a message" || len(p.Stack) == 0 {
					t.Errorf("ended with %v; want what panicked, and where", err)
				}
			case <-time.After(patience):
				t.Fatal("it does not end")
			}
		})
	}
	t.Run("in the poller's goroutine", func(t *testing.T) {
		server, client := h.dial(t, "", "")
		ends := listenTo(server)
		server.parked.guard(func() {
			server.parked.mu.Lock()
			server.parked.busy = true
			server.parked.mu.Unlock()
			panic("of a frame")
		})
		send(t, client, maskedFrame(fin|opClose, nil))
		wantRest(t, client, "\x88\x02\x03\xf3")
		if p := (*Panicked)(nil); !errors.As(<-ends.ended, &p) {
			t.Error("it ended for another reason")
		}
	})
	send(t, neighbour, maskedFrame(fin|opText, []byte("still here")))
	e.want(t, "still here")
}
