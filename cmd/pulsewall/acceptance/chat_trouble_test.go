package acceptance

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/dashboard"
)

// unheard makes what a page sends fail: before it leaves, or with its answer lost. restore mends it.
const (
	unheard = `window.restore = (function (post) {
		pulsewall.page.link.send = function () { return false; };
		pulsewall.post = function (address, letter, done) {
			window.__keys = (window.__keys || []).concat(letter.key);
			if (%t) { post(address, letter, function () { done({ status: 0 }, null); }); } else { setTimeout(function () { done({ status: 0 }, null); }, 0); }
			return { close: function () { return; } };
		};
		return function () {
			pulsewall.post = function (address, letter, done) { window.__keys.push(letter.key); return post(address, letter, done); };
			delete pulsewall.page.link.send;
		};
	}(pulsewall.post));`
	// begunAnew has what the page shows come from another epoch of the log, as when halves of a cluster that were split find each other.
	begunAnew = `[].forEach.call(document.querySelectorAll("[data-id]"), function (line) {
		line.setAttribute("data-id", line.getAttribute("data-id").replace(/^[^-]*/, "gone")); });`
	failedLine = `document.querySelector(".message.failed")`
)

// TestChatTrouble has messages fail, answers get lost and the log of the cluster begin anew under the page of a room, on each transport:
// nothing is in the log twice, nothing is gone without a word.
func TestChatTrouble(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{Node: "here"})
	for i, w := range ways[:3] {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			room := fmt.Sprint("trouble-", i)
			p := enter(t, s, w, room, "Ada", "")
			p.act(fmt.Sprintf(unheard, false))
			p.say("tried again")
			p.until(patient, failedLine+` && `+failedLine+`.textContent.indexOf("Not sent: the server did not answer") >= 0`)
			p.act(`restore(); pulsewall.page.link.send = function () { return false; };`) // so that the key is seen
			p.click(".message.failed [data-action=resend]")
			p.hears("Ada", "tried again")
			p.until(patient, `!document.querySelector(".waits") && __keys.length === 2 && __keys[0] === __keys[1]`)

			p.act(`delete pulsewall.page.link.send;` + fmt.Sprintf(unheard, true))
			p.say("answer lost")
			p.hears("Ada", "answer lost")
			p.until(patient, `!document.querySelector(".waits")`)
			p.act(`restore();`)

			p.act(fmt.Sprintf(unheard, false))
			p.say("thought better of it")
			p.click(".message.failed [data-action=discard]")
			p.until(patient, `!document.querySelector(".waits")`)
			p.act(`restore();`)

			p.act(`pulsewall.page.link.stop();`)
			for _, text := range []string{"missed", "missed too"} {
				message := map[string]any{"to": map[string]any{"room": room}, "data": text, "name": "Bram"}
				if err := s.send(t.Context(), message); err != nil {
					t.Fatal(err)
				}
			}
			p.act(begunAnew + `pulsewall.page.link.after = "gone-1"; pulsewall.page.link.start();`)
			p.until(patient, isLive+` && document.querySelector(".note.warn") && document.querySelector(".note.warn").textContent.indexOf("missing") >= 0`)
			p.hears("Bram", "missed too")
			p.hears("Bram", "missed")
			p.say("goes on")
			p.hears("Ada", "goes on")
			p.follow(room, s)
			list, err := p.log()
			p.must(err)
			if list[0].Text != "tried again" || list[1].Text != "answer lost" || list[2].Text != "missed" || list[3].Text != "missed too" || list[4].Text != "goes on" {
				t.Errorf("the log is %.400v", list)
			}
			p.quiet(s.URL)
		})
	}
}

// follow sees the log follow what comes while its end is in sight, and else say how much is new.
func (p *talker) follow(room string, s *site) {
	p.t.Helper()
	p.size(1000, 600)
	send := func(text string) {
		if err := s.send(p.t.Context(), map[string]any{"to": map[string]any{"room": room}, "data": text, "name": "Bram"}); err != nil {
			p.t.Fatal(err)
		}
		p.hears("Bram", text)
	}
	const box = `document.querySelector("[data-slot=log]")`
	const atEnd = box + `.scrollHeight - ` + box + `.scrollTop - ` + box + `.clientHeight < 2`
	send("tall\n" + strings.Repeat("line\n", 12))
	send("tall too\n" + strings.Repeat("line\n", 12))
	p.until(patient, atEnd)
	p.act(box + `.scrollTop = 0;`)
	p.until(patient, `pulsewall.page.chat.log.atEnd === false`)
	send("new")
	send("newer")
	p.until(patient, box+`.scrollTop === 0 && document.querySelector(".newer").textContent === "2 new ↓" && document.querySelector(".newer").offsetHeight > 0`)
	p.click(".newer")
	p.until(patient, atEnd+` && document.querySelector(".newer").offsetHeight === 0`)
}

// TestChatReconnects drops the connection after a message has left: it is said at once, and not sent twice.
func TestChatReconnects(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{Node: "here"})
	p := enter(t, s, ways[0], "ops", "Ada", "7")
	p.act(`(function (link) {
		link.conn.wire.send = function () { return; };
		document.getElementById("say").value = "lost on the way";
		pulsewall.page.chat.box.submit();
		link.end(link.conn, {});
	}(pulsewall.page.link));`)
	p.until(patient, failedLine+` && `+failedLine+`.textContent.indexOf("the connection was lost") >= 0`)
	p.until(patient, isLive)
	p.click(".message.failed [data-action=resend]")
	p.hears("Ada", "lost on the way")
	p.until(patient, `!document.querySelector(".waits")`)
	p.act(`document.getElementById("name").value = "Ada L."; document.getElementById("name").dispatchEvent(new Event("change", { bubbles: true }));`)
	p.until(patient, isLive)
	p.say("another name")
	p.hears("Ada L.", "another name")
	p.until(patient, `document.querySelector("[data-slot=here]").textContent.indexOf("Ada L.") >= 0`)
	p.tab.open(s.URL + "/chat?room=ops&unionId=7") // the name is remembered
	p.until(patient, isLive+` && document.getElementById("name").value === "Ada L."`)
	p.quiet(s.URL)
}

// TestNotices has messages to all and to a user appear on a wall: bounded, folded, dismissed by button and by Escape, and not back after
// the page has loaded again. Who has no scripts sees them too.
func TestNotices(t *testing.T) {
	t.Parallel()
	s := counterSite(t, &counter{whole: true, rows: 5}, feedEvery(2*time.Second))
	send := func(to map[string]any, text string) {
		t.Helper()
		if err := s.send(t.Context(), map[string]any{"to": to, "data": text, "name": "Ops <b>\u202e"}); err != nil {
			t.Fatal(err)
		}
	}
	all, seven := map[string]any{"all": true}, map[string]any{"users": []string{"7"}}
	const shown = `[].map.call(document.querySelectorAll("[data-notice^='message ']"), function (n) {
		var texts = n.querySelectorAll(".text"); return texts[texts.length - 1].textContent.slice(0, 20).trim(); }).join()`
	p := newTab(t)
	p.open(s.URL + "/d/d?unionId=7")
	p.until(patient, isLive)
	long := hostile + strings.Repeat(" very long", 400)
	send(all, "one")
	send(seven, "two")
	send(map[string]any{"users": []string{"8"}}, "not for 7")
	send(map[string]any{"room": "ops"}, "not on a wall")
	send(all, long)
	p.until(patient, shown+` === "one,two,</script></table><im"`)
	p.until(patient, `document.querySelector(".notice details:not([open])") && document.querySelector(".notice").offsetHeight < 120 && window.__hacked === undefined && !document.querySelector("img")`)
	for i := range 2 {
		send(all, fmt.Sprint("more ", i))
	}
	p.until(patient, shown+` === "</script></table><im,more 0,more 1" && document.querySelector(".notice").textContent.indexOf("2 earlier") === 0`)
	for _, width := range []int64{360, 1440} {
		p.size(width, 900)
		p.until(patient, fmt.Sprintf("window.innerWidth === %d", width))
		p.fits(fmt.Sprint(width))
	}
	p.act(`document.querySelector("[data-notice='earlier'] ~ .notice [data-action=dismiss]").focus();`)
	p.act(`document.activeElement.click();`)
	p.until(patient, shown+` === "more 0,more 1" && document.activeElement.nodeName === "BUTTON"`)
	p.act(`document.activeElement.blur(); document.body.dispatchEvent(new KeyboardEvent("keydown", { keyCode: 27, bubbles: true }));`)
	p.until(patient, shown+` === "more 0"`)
	p.act(`window.__old = true; location.reload();`)
	p.until(patient, `!window.__old && `+isLive+` && `+shown+` === "more 0" && !document.querySelector("[data-notice='earlier']")`)
	for i := range 3 {
		send(all, fmt.Sprint("late ", i))
	}
	p.until(patient, shown+` === "late 0,late 1,late 2" && document.querySelector(".notice").textContent.indexOf("1 earlier") === 0`)
	p.click("[data-action=dismiss-all]")
	p.until(patient, `!document.querySelector(".notice")`)
	p.act(`window.__old = true; location.reload();`)
	p.until(patient, `!window.__old && `+isLive+` && !document.querySelector(".notice")`)
	p.quiet(s.URL)

	quiet := ways[3].open(t, s.URL+"/d/d?unionId=7")
	quiet.until(patient, shown+` === "late 0,late 1,late 2" && document.querySelector(".notice button").offsetHeight === 0`)
	send(seven, "and one for you")
	quiet.until(patient, shown+`.indexOf("and one for you") > 0`) // the page loads itself again
}
