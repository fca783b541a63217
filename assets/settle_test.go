package assets_test

import (
	"testing"
	"time"
)

// TestPanelLeavesADeadNode has a panel of a machine that nobody named go over to the node that answers, with a curve of its own, and
// one of a machine that somebody named stay.
func TestPanelLeavesADeadNode(t *testing.T) {
	for name, without := range rungs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			b := open(t, f, without)
			b.Eventually(8*time.Second, `pulsewall.page.link.state === "live" && document.querySelector("canvas")`)
			tell := func(nodes string) {
				b.Run(`pulsewall.page.take({ event: "presence", data: { users: 1, connections: 1, nodes: ` + nodes + ` } })`)
			}
			b.Run(`(function (list, curve) {
				list.rename("list@old/7/1/10"); curve.rename("curve@old/-/1/10"); curve.follows = true;
			}(pulsewall.page.panels[0], pulsewall.page.panels[1]))`)
			tell(`["n", "old"]`)
			b.Eventually(time.Second, `pulsewall.page.panels[1].sub === "curve@old/-/1/10"`)
			tell(`["n", "x"]`)
			b.Eventually(time.Second, `pulsewall.page.panels[1].sub === "curve@n/-/1/10" && pulsewall.page.panels[0].sub === "list@old/7/1/10"`)
			f.push("curve@n/-/1/10", reading{Version: 1, At: time.Now(), Status: "ok", HTML: `<div data-look="chart">` + legend("7.0", "8.0") + `</div>`,
				Points: map[string]any{"a": [][2]int64{{time.Now().UnixMilli(), 7}}}})
			b.Eventually(5*time.Second, `(function (panel) {
				var series = panel.newest().series;
				return series.a && series.a.length === 1 && !series.b && panel.section.getAttribute("data-sub") === "curve@n/-/1/10";
			}(pulsewall.page.panels[1]))`)
			tell(`[]`)
			tell(`null`)
			b.Eventually(time.Second, `pulsewall.page.panels[1].sub === "curve@n/-/1/10"`)
		})
	}
}
