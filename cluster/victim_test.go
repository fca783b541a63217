package cluster

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/cluster/member"
)

// TestNodeProcess is no test by itself: TestKilledNode runs it as a node of its own that can be killed.
func TestNodeProcess(t *testing.T) {
	address := os.Getenv("PULSEWALL_TEST_NODE")
	if address == "" {
		return
	}
	o, err := ParseAddress(address)
	if err != nil {
		t.Fatal(err)
	}
	n := startNode(t, "victim", o)
	eventually(t, 20*time.Second, func() error {
		if n.State().Degraded {
			return fmt.Errorf("the victim has not joined")
		}
		return nil
	})
	for i := range 50 {
		n.Enter(Entry{User: fmt.Sprint(i), Streams: map[string]int{"ws": 1}})
	}
	fmt.Println("ready")
	<-t.Context().Done()
}

// TestKilledNode freezes another node until it is called gone, lets it come back, and kills it.
func TestKilledNode(t *testing.T) {
	t.Parallel()
	m := startMember(t, member.Options{})
	o := optionsFor(t, m)
	a := startNodes(t, 1, o)[0]
	a.Enter(Entry{User: "1000", Streams: map[string]int{"ws": 1}})
	victim := startVictim(t, "hazelcast://"+m.Addr()+"/"+o.Cluster)
	counts := func(users int) func() error {
		return func() error {
			r := a.Roster()
			if len(r.Users) != users+1 || r.Connections != users+1 || r.Nodes["victim"]["ws"] != users {
				return fmt.Errorf("a counts %d users, %d connections, sees %v", len(r.Users), r.Connections, living(a))
			}
			return nil
		}
	}
	eventually(t, 8*time.Second, counts(50))
	if err := victim.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	eventually(t, 12*time.Second, counts(0))
	pause(t.Context(), 12*time.Second) // until its entries are purged
	if err := victim.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	eventually(t, 20*time.Second, counts(50))
	_ = victim.Process.Kill()
	died := time.Now()
	eventually(t, 12*time.Second, func() error {
		if got := living(a); !slices.Equal(got, []string{"node-1"}) {
			return fmt.Errorf("a sees %v", got)
		}
		return counts(0)()
	})
	t.Logf("gone after %v", time.Since(died))
	h := a.Cluster.(*Hazelcast)
	eventually(t, 30*time.Second, func() error {
		left, err := h.link.Load().presence.GetKeySet(t.Context())
		if err == nil && len(left) != 1 {
			err = fmt.Errorf("%d entries stand in the map, want 1", len(left))
		}
		return err
	})
}

// startVictim starts TestNodeProcess and returns it when its users are in.
func startVictim(t *testing.T, address string) *exec.Cmd {
	t.Helper()
	victim := exec.Command(os.Args[0], "-test.run=^TestNodeProcess$", "-test.timeout=5m") // #nosec G204 -- this test
	victim.Env = append(os.Environ(), "PULSEWALL_TEST_NODE="+address)
	out, err := victim.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = victim.Process.Kill()
		_ = victim.Wait()
	})
	if line, err := bufio.NewReader(out).ReadString('\n'); strings.TrimSpace(line) != "ready" {
		t.Fatalf("the victim said %q, %v", line, err)
	}
	return victim
}
