package assets_test

import (
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/assets/browsertest"
)

const (
	// noBeat leaves a dead stream to be noticed by whatever else than its silence.
	noBeat = `pulsewall.page.link.heartbeat = 1e6;`
	// A dozing page looks at no clock, so that a test has the time to prepare what is met when it is awake.
	dozing = `pulsewall.page.tick = function () {};`
	awake  = `delete pulsewall.page.tick;`
)

// TestLateReading lets a reading be late: a live stream is asked and kept, a dead one is noticed in time, and one that holds
// back what there is is opened again.
func TestLateReading(t *testing.T) {
	late := func(f *fake, version int64) {
		due := time.Now().Add(-time.Second)
		f.push("list/7/1/10", reading{Version: version, At: due.Add(-10 * time.Second), Due: &due, Status: "ok", HTML: `<div data-look="table">due</div>`})
	}
	for _, without := range []string{"", "delete window.WebSocket", "delete window.WebSocket; delete window.EventSource"} {
		t.Run("kept "+without, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			b := open(t, f, without)
			b.Eventually(8*time.Second, `pulsewall.page.link.state === "live"`)
			b.Run(`window.conn = pulsewall.page.link.conn; window.answers = 0; (function (link) {
				var a = link.answered; link.answered = function (r) { answers += 1; a.call(link, r); };
				var n = link.options.newer; link.options.newer = function (e) { answers += 1; return n(e); }; }(pulsewall.page.link))`)
			late(f, 2)
			b.Eventually(5*time.Second, `/^reading late by \d+ (s|min) · data \d+ (s|min) old$/.test(document.querySelector("[data-panel=t] [data-slot=age]").textContent)`)
			b.Eventually(5*time.Second, `answers === 1`)
			b.Eventually(5*time.Second, `/late by ([6-9] s|[1-9]\d s|\d+ min)/.test(document.querySelector("[data-panel=t] [data-slot=age]").textContent)`)
			if !browsertest.Eval[bool](b, `answers === 1 && conn === pulsewall.page.link.conn && pulsewall.page.link.state === "live"`) {
				t.Error("the stream was not kept, or asked again and again")
			}
		})
		t.Run("dead "+without, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			b := open(t, f, without+"; deadlines.ANSWER = 2000")
			b.Eventually(8*time.Second, `pulsewall.page.link.state === "live"`)
			b.Run(dozing)
			late(f, 2)
			b.Eventually(3*time.Second, said+`"due"`)
			f.change(func() { f.deaf = true })
			for _, transport := range []string{"ws", "sse", "poll"} {
				f.breaks(transport, "silent")
			}
			b.Run(noBeat + awake)
			b.Eventually(6*time.Second, `pulsewall.page.link.lostAt > 0`)
		})
	}
	t.Run("held back", func(t *testing.T) {
		t.Parallel()
		f := newFake(t)
		b := open(t, f, "delete window.WebSocket; deadlines.HELLO = 5000")
		b.Eventually(8*time.Second, live+`"SSE"`)
		b.Run(dozing)
		late(f, 2)
		b.Eventually(3*time.Second, said+`"due"`)
		b.Run(`pulsewall.page.link.receive = function () {};`) // as a proxy that collects
		f.text("list/7/1/10", 3, "collected")
		b.Run(awake)
		b.Eventually(8*time.Second, said+`"collected"`)
		b.Run(`delete pulsewall.page.link.receive;`)
		f.text("list/7/1/10", 4, "fourth")
		b.Eventually(8*time.Second, said+`"fourth"`)
	})
}

func TestSilenceEndsAStream(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.heartbeat = 0.5
	b := open(t, f, "")
	b.Eventually(8*time.Second, live+`"WebSocket"`)
	b.Eventually(3*time.Second, `document.querySelector("[data-slot=people]").textContent === "1,234 online"`)
	b.Run(`window.conn = pulsewall.page.link.conn`)
	f.change(func() { f.deaf = true })
	b.Eventually(6*time.Second, `conn !== pulsewall.page.link.conn`)
}
