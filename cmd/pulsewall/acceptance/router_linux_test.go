package acceptance

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/pulsewall/pulsewall/assets/browsertest"
)

// TestDroppedPackets has Chromium and the program in networks of their own, and a router between them that drops every packet for
// 30 s: no FIN, no RST, both processes alive. Who is not root runs it as the root of a namespace.
func TestDroppedPackets(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		asRoot(t)
		return
	}
	router := newRouter(t)
	server := start(t, "10.213.1.1:7000", router.inside("server"))
	browser, end, err := browsertest.Start(chromedp.ModifyCmdFunc(func(cmd *exec.Cmd) {
		cmd.Args = append(router.inside("client"), append([]string{cmd.Path}, cmd.Args[1:]...)...)
		cmd.Path = cmd.Args[0]
	}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(end)
	p := tabIn(t, browser)
	eventually(t, 20*time.Second, func() error {
		return chromedp.Do(p.ctx, chromedp.Navigate(server.URL+"/d/overview"))
	})
	seesCut(t, p, func() { router.drop(true) }, func() { router.drop(false) })
}

// apartVariable tells a test that asRoot runs it.
const apartVariable = "PULSEWALL_TEST_APART"

// asRoot runs this test again as the root of namespaces of its own, where /run is ours to keep the networks in. They are gone when it ends.
func asRoot(t *testing.T) {
	t.Helper()
	flags := "-Urnm"
	if os.Geteuid() == 0 {
		flags = "-nm"
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	unshare := tool(t, "unshare", "util-linux")
	if out, err := exec.Command(unshare, flags, "mount", "-t", "tmpfs", "tmpfs", "/run").CombinedOutput(); err != nil {
		t.Fatalf("this needs networks of its own: run it as root, or let users make namespaces "+
			"(sysctl kernel.unprivileged_userns_clone=1 kernel.apparmor_restrict_unprivileged_userns=0 user.max_user_namespaces=100): %v %s", err, out)
	}
	again := exec.Command(unshare, flags, "sh", "-c", `mount -t tmpfs tmpfs /run && exec "$0" -test.v -test.run "^$1$"`, self, t.Name())
	again.Env = append(os.Environ(), apartVariable+"=1")
	again.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := again.CombinedOutput()
	if err != nil {
		t.Fatalf("as the root of a namespace: %v\n%s", err, out)
	}
	t.Logf("%s", out)
}

// router is a network of three namespaces: client – router – server.
type router struct {
	t           *testing.T
	ip, nsenter string
}

// newRouter makes the networks, removed when the test ends.
func newRouter(t *testing.T) *router {
	t.Helper()
	r := &router{t: t, ip: tool(t, "ip", "iproute2"), nsenter: tool(t, "nsenter", "util-linux")}
	if out, err := exec.Command(r.ip, "netns", "add", r.name("router")).CombinedOutput(); err != nil {
		t.Fatalf("this needs networks of its own, which root may not make here (CAP_NET_ADMIN and CAP_SYS_ADMIN are missing): %v %s", err, out)
	}
	t.Cleanup(func() { r.run("netns", "del", r.name("router")) })
	for i, end := range []string{"server", "client"} {
		r.run("netns", "add", r.name(end))
		t.Cleanup(func() { r.run("netns", "del", r.name(end)) })
		r.run("-n", r.name(end), "link", "add", "eth0", "type", "veth", "peer", "name", end, "netns", r.name("router"))
		for where, at := range map[string]string{end: "eth0", "router": end} {
			host := map[string]int{end: 1, "router": 254}[where]
			r.run("-n", r.name(where), "addr", "add", fmt.Sprintf("10.213.%d.%d/24", i+1, host), "dev", at)
			r.run("-n", r.name(where), "link", "set", at, "addrgenmode", "none") // no address comes later, which browsers would notice
			r.run("-n", r.name(where), "link", "set", at, "up")
		}
		r.run("-n", r.name(end), "link", "set", "lo", "up")
		r.run("-n", r.name(end), "route", "add", "default", "via", fmt.Sprintf("10.213.%d.254", i+1))
	}
	r.drop(false)
	return r
}

func (r *router) name(of string) string { return fmt.Sprintf("pulsewall-%d-%s", os.Getpid(), of) }

// inside returns the words that run a command at one end, or on the router. (ip netns exec would mount /sys anew, which the root of a
// namespace may not do everywhere.)
func (r *router) inside(end string) []string {
	return []string{r.nsenter, "--net=/run/netns/" + r.name(end)}
}

func (r *router) run(args ...string) {
	r.t.Helper()
	if out, err := exec.Command(r.ip, args...).CombinedOutput(); err != nil {
		r.t.Fatalf("ip %s: %v %s", strings.Join(args, " "), err, out)
	}
}

// drop lets the router forward nothing, without a word to either end, or all again.
func (r *router) drop(on bool) {
	r.t.Helper()
	forward := "1"
	if on {
		forward = "0"
	}
	words := append(r.inside("router"), "sh", "-c", "echo "+forward+" >/proc/sys/net/ipv4/ip_forward")
	if out, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil {
		r.t.Fatalf("%q: %v %s", words, err, out)
	}
}
