package acceptance

import (
	"context"
	"net"
	"net/http"
	"os"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestChannelHalfOpen drops every packet of who holds an end, without a word to either side. A newcomer has the end within 3 s, on the
// same node and on another one.
func TestChannelHalfOpen(t *testing.T) {
	t.Parallel()
	n := newNetworks(t)
	if n == nil {
		return
	}
	f := n.fleet(1, nil, 2)
	n.end("client")
	name := newChannel(t, f.nodes[0])
	for i, end := range []string{"app", "web"} {
		old, _, err := f.nodes[0].dialChannel(t, n.clientIn("client"), end, name)
		if err != nil {
			t.Fatal(err)
		}
		n.cut([]string{"client"}, []string{"n1"})
		began := time.Now()
		f.nodes[i].channel(t, end, name)
		judge(t, "the end of a half-open holder has another one", time.Since(began), 3*time.Second)
		n.mend([]string{"client"}, []string{"n1"})
		select { // with the close frame, if the mend was in time for it
		case <-old.ended:
		case <-time.After(time.Minute):
			t.Error("the half-open holder goes on")
		}
	}
}

// clientIn connects from an end of the network.
func (n *networks) clientIn(name string) *http.Client {
	dial := func(_ context.Context, network, address string) (net.Conn, error) {
		type result struct {
			conn net.Conn
			err  error
		}
		dialled := make(chan result, 1)
		go func() {
			runtime.LockOSThread() // for good: the thread stays in that network, and ends with the goroutine
			space, err := os.Open("/run/netns/" + name)
			if err == nil {
				defer space.Close()
				err = unix.Setns(int(space.Fd()), unix.CLONE_NEWNET)
			}
			if err != nil {
				dialled <- result{nil, err}
				return
			}
			conn, err := net.DialTimeout(network, address, time.Minute)
			dialled <- result{conn, err}
		}()
		got := <-dialled
		return got.conn, got.err
	}
	return &http.Client{Transport: &http.Transport{DialContext: dial}}
}
