package acceptance

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/deploy/balancer"
)

// TestDeathBehindBalancer ends one of three nodes after the other, and starts it again, while people watch through a balancer on each
// rung: every page is live again and has the next reading within two intervals and the time in which it may come back.
func TestDeathBehindBalancer(t *testing.T) {
	t.Parallel()
	const interval = 2 * time.Second
	const limit = 2*interval + 5*time.Second
	f := newFleet(t, 1, nil, 3, nodeSettings{Interval: interval})
	addresses := hosts(f.sites())
	var tabs []*tab
	for _, kind := range []balancer.Kind{balancer.Nginx, balancer.HAProxy} {
		b := newBalancer(t, string(kind), addresses...)
		for _, w := range ways[:3] {
			p := w.open(t, b.URL+"/d/d")
			p.until(20*time.Second, isLive+` && document.querySelector("[data-slot=transport]").textContent === "`+w.transport+`"`)
			p.act("window.sameDocument = true;")
			tabs = append(tabs, p)
		}
	}
	for i := range 3 {
		var before []shown
		for _, p := range tabs {
			now, err := p.panel("c")
			p.must(err)
			before = append(before, now)
		}
		ends := time.Now()
		if i == 1 { // one is asked to
			if _, err := f.nodes[i].stop(syscall.SIGTERM); err != nil {
				t.Errorf("node %d: %v", i+1, err)
			}
		} else {
			f.nodes[i].kill()
		}
		for n, p := range tabs {
			p.until(limit-time.Since(ends), fmt.Sprintf(`sameDocument && %s && Number(document.querySelector("[data-panel=c]").getAttribute("data-version")) > %s`,
				isLive, before[n].Version))
		}
		t.Logf("%d pages live with the next reading %v after the end of node %d", len(tabs), time.Since(ends).Round(100*time.Millisecond), i+1)
		f.nodes[i] = f.start(fmt.Sprint("node-", i+1), addresses[i], nodeSettings{Interval: interval})
		f.nodes = f.nodes[:len(f.nodes)-1] // start has put it at the end
		together(t, f.sites())
	}
}
