package acceptance

import (
	"fmt"
	"testing"
	"time"

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
			p := newTab(t) // whose deadlines are those of a page
			p.before(w.remove)
			p.open(network.URL + "/d/d")
			seesCut(t, p, func() { network.freeze(true) }, func() { network.freeze(false) })
		})
	}
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
