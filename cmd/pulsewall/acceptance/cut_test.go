package acceptance

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/pulsewall/pulsewall/feeds"
)

const cutFor = 30 * time.Second

// TestFrozenNetwork has a network that carries nothing for 30 s while every connection stays open.
func TestFrozenNetwork(t *testing.T) {
	t.Parallel()
	s := counterSite(t, &counter{whole: true, rows: 25}, feeds.Feed{}) // one panel: nothing else asks in time
	for _, w := range ways[:3] {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			network := newProxy(t, s.URL)
			p := w.open(t, network.URL+"/d/d")
			seesCut(t, p, func() { network.freeze(true) }, func() { network.freeze(false) })
		})
	}
}

// TestDroppedPackets has Chromium and the program in networks of their own, and a router between them that drops every packet for
// 30 s: no FIN, no RST, both processes alive. Where this machine gives no networks, TestFrozenNetwork must do.
func TestDroppedPackets(t *testing.T) {
	t.Parallel()
	router := newRouter(t)
	if router == nil {
		return
	}
	server := start(t, "10.213.1.1:7000", router.inside("server"))
	browser, end, err := startBrowser(chromedp.ModifyCmdFunc(func(cmd *exec.Cmd) {
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

// seesCut cuts the network of an open page for 30 s. The page says so within 15 s and is fresh within 10 s of the mend.
func seesCut(t *testing.T, p *tab, cut, mend func()) {
	t.Helper()
	const version = `document.querySelector("[data-panel]").getAttribute("data-version")`
	p.until(10*time.Second, isLive)
	first, err := eval[string](p, version)
	p.must(err)
	p.until(12*time.Second, fmt.Sprintf("%s !== %q", version, first)) // right after a reading is the worst moment: the next is not missed soon
	cut()
	start := time.Now()
	p.until(15*time.Second, `document.querySelector("[data-slot=connection]").textContent.indexOf("Connection lost") >= 0`)
	lost := time.Since(start)
	p.until(10*time.Second, `document.querySelector("[data-slot=age]").textContent.indexOf("connection lost") === 0`)
	old, err := eval[string](p, version)
	p.must(err)
	pass(t, cutFor-time.Since(start))
	mend()
	fresh := p.until(10*time.Second, fmt.Sprintf(`%s !== %q && %s && !document.querySelector(".panel.old")`, version, old, isLive))
	t.Logf("said so after %.1f s, fresh %.1f s after the mend", lost.Seconds(), fresh.Seconds())
}

// router is a network of three namespaces: client – router – server.
type router struct {
	t  *testing.T
	ip string
}

// newRouter makes the networks, removed when the test ends. It returns nil where this machine does not let us.
func newRouter(t *testing.T) *router {
	t.Helper()
	if runtime.GOOS != "linux" || os.Geteuid() != 0 {
		t.Log("no networks of our own here: they need root on Linux")
		return nil
	}
	r := &router{t: t, ip: tool(t, "ip", "iproute2")}
	if out, err := exec.Command(r.ip, "netns", "add", r.name("router")).CombinedOutput(); err != nil {
		t.Logf("no networks of our own here: %v %s", err, out)
		return nil
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

// inside returns the words that run a command at one end.
func (r *router) inside(end string) []string {
	return []string{r.ip, "netns", "exec", r.name(end)}
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
	r.run("netns", "exec", r.name("router"), "sh", "-c", "echo "+forward+" >/proc/sys/net/ipv4/ip_forward")
}
