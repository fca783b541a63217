package acceptance

import (
	"context"
	"errors"
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
	dial := func(_ context.Context, network, address string) (conn net.Conn, err error) {
		err = inNetwork(name, func() error {
			conn, err = net.DialTimeout(network, address, time.Minute)
			return err
		})
		return conn, err
	}
	return &http.Client{Transport: &http.Transport{DialContext: dial}}
}

// inNetwork calls f on a thread that is in another network meanwhile. It comes back: when a thread ends, the programs that it started are
// killed.
func inNetwork(name string, f func() error) error {
	home, err := os.Open("/proc/thread-self/ns/net") // all threads are in the same one
	if err != nil {
		return err
	}
	defer home.Close()
	away, err := os.Open("/run/netns/" + name)
	if err != nil {
		return err
	}
	defer away.Close()
	runtime.LockOSThread()
	if err := unix.Setns(int(away.Fd()), unix.CLONE_NEWNET); err != nil {
		runtime.UnlockOSThread()
		return err
	}
	err = f()
	if back := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); back != nil {
		return errors.Join(err, back) // the thread stays locked, so that nothing else runs there
	}
	runtime.UnlockOSThread()
	return err
}
