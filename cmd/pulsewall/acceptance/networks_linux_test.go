package acceptance

import (
	"fmt"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/pulsewall/pulsewall/cluster/member"
)

// networks are this process as the router between ends, each in a namespace of its own. It is for tests that asRoot runs: all is gone with
// the process.
type networks struct {
	t           *testing.T
	ip, nsenter string
	ends        map[string]string // address by name
}

// newNetworks returns one without ends. A test that is not apart yet is run again: then nil is returned, and the test is over.
func newNetworks(t *testing.T) *networks {
	t.Helper()
	if os.Getenv(apartVariable) == "" {
		if _, err := member.Jar(t.Context()); err != nil { // there is no way to it from inside
			t.Fatal(err)
		}
		asRoot(t)
		return nil
	}
	n := &networks{t: t, ip: tool(t, "ip", "iproute2"), nsenter: tool(t, "nsenter", "util-linux"), ends: make(map[string]string)}
	n.run("link", "set", "lo", "up")
	n.run("addr", "add", n.router(), "dev", "lo")
	if err := os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o600); err != nil {
		t.Fatal(err)
	}
	return n
}

// router is the address of this process for the ends.
func (n *networks) router() string { return "10.214.0.1" }

// end makes one more end and returns its address.
func (n *networks) end(name string) string {
	n.t.Helper()
	host := len(n.ends) + 1
	address := fmt.Sprintf("10.214.%d.1", host)
	gateway := fmt.Sprintf("10.214.%d.254", host)
	n.run("netns", "add", name)
	n.run("-n", name, "link", "add", "eth0", "type", "veth", "peer", "name", name, "netns", fmt.Sprint(os.Getpid()))
	n.run("addr", "add", gateway+"/24", "dev", name)
	n.run("link", "set", name, "up")
	n.run("-n", name, "addr", "add", address+"/24", "dev", "eth0")
	n.run("-n", name, "link", "set", "lo", "up")
	n.run("-n", name, "link", "set", "eth0", "up")
	n.run("-n", name, "route", "add", "default", "via", gateway)
	n.ends[name] = address
	return address
}

// inside returns the words that run a command at an end.
func (n *networks) inside(name string) []string {
	return []string{n.nsenter, "--net=/run/netns/" + name}
}

// cut drops every packet between the ends of one side and those of the other, without a word to either; mend lets them pass again.
func (n *networks) cut(one, other []string)  { n.rules("add", one, other) }
func (n *networks) mend(one, other []string) { n.rules("del", one, other) }

func (n *networks) rules(what string, one, other []string) {
	for _, a := range one {
		for _, b := range other {
			n.run("rule", what, "from", n.ends[a], "to", n.ends[b], "blackhole")
			n.run("rule", what, "from", n.ends[b], "to", n.ends[a], "blackhole")
		}
	}
}

func (n *networks) run(args ...string) {
	if out, err := exec.Command(n.ip, args...).CombinedOutput(); err != nil {
		n.t.Errorf("ip %s: %v %s", strings.Join(args, " "), err, out)
	}
}

// fleet starts members m1, m2 … and nodes n1, n2 …, each at an end of its own. The feeds of the nodes reach this process.
func (n *networks) fleet(members int, config []byte, nodes int) *fleet {
	n.t.Helper()
	f := &fleet{t: n.t, tally: newTally(n.t)}
	outside := httptest.NewUnstartedServer(f.tally.server.Config.Handler)
	var err error
	if outside.Listener, err = net.Listen("tcp", net.JoinHostPort(n.router(), "0")); err != nil {
		n.t.Fatal(err)
	}
	outside.Start()
	n.t.Cleanup(outside.Close)
	f.tally.server = outside
	var peers []string
	for i := range members {
		peers = append(peers, net.JoinHostPort(n.end(fmt.Sprint("m", i+1)), "5701"))
	}
	for i := range members {
		name := fmt.Sprint("m", i+1)
		o := member.Options{Host: n.ends[name], Port: 5701, Peers: peers, Config: config, Before: n.inside(name)}
		m, err := member.Start(n.t.Context(), o)
		if err != nil {
			n.t.Fatal(err)
		}
		n.t.Cleanup(m.Close)
		f.members = append(f.members, m)
	}
	for i := range nodes {
		name := fmt.Sprint("n", i+1)
		f.start(fmt.Sprint("node-", i+1), net.JoinHostPort(n.end(name), "7000"), nodeSettings{Before: n.inside(name)})
	}
	together(n.t, f.sites())
	return f
}
