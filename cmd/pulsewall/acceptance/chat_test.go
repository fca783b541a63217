package acceptance

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"

	"github.com/pulsewall/pulsewall/cluster/member"
)

// patient is how long people in a room wait for each other: the machine may be busy.
const patient = 60 * time.Second

// talker is a browser on the page of a room.
type talker struct {
	*tab
	way
	name string
}

// enter opens the page of a room in a new tab.
func enter(t *testing.T, s *site, w way, room, name, unionID string) *talker {
	t.Helper()
	q := url.Values{"room": {room}, "name": {name}}
	if unionID != "" {
		q.Set("unionId", unionID)
	}
	p := &talker{tab: w.open(t, s.URL+"/chat?"+q.Encode()), way: w, name: name}
	if !w.noScripts {
		p.until(patient, isLive+` && document.querySelector("[data-slot=transport]").textContent === `+quoted(w.transport))
	}
	return p
}

func quoted(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

// say types a text and presses Enter.
func (p *talker) say(text string) {
	p.t.Helper()
	p.act(`document.getElementById("say").value = ` + quoted(text) + `; document.getElementById("say").focus();`)
	for _, kind := range []input.DispatchKeyEventType{"keyDown", "keyUp"} {
		p.must(call(p.ctx, input.DispatchKeyEvent, input.DispatchKeyEventParams{
			Type: kind, Key: "Enter", Code: "Enter", WindowsVirtualKeyCode: 13, Text: map[input.DispatchKeyEventType]string{"keyDown": "\r"}[kind],
		}))
	}
}

// chatLine is one line of the log.
type chatLine struct {
	ID, Name, Text string
}

const chatLines = `[].map.call(document.querySelectorAll("[data-slot=lines] > .message:not(.waits)"), function (line) {
	var texts = line.querySelectorAll(".text");
	return { id: line.getAttribute("data-id"), name: line.querySelector(".by b").textContent.trim(), text: texts[texts.length - 1].textContent };
})`

// log is what the page shows of the room.
func (p *talker) log() ([]chatLine, error) { return eval[[]chatLine](p.tab, chatLines) }

// hears waits until the log holds a text of somebody, once.
func (p *talker) hears(name, text string) {
	p.t.Helper()
	eventually(p.t, patient, func() error {
		list, err := p.log()
		if err != nil {
			return err
		}
		n := 0
		for _, m := range list {
			if m.Name == name && m.Text == text {
				n++
			}
		}
		if n != 1 {
			return fmt.Errorf("%s shows %.40q of %s %d times in %d lines; want once", p.name, text, name, n, len(list))
		}
		return nil
	})
}

// spellings are what people send each other: all of it is text.
var spellings = []struct{ what, text string }{
	{"script", `<script>window.__hacked=1</script>"><img src=x onerror="window.__hacked=2"> ' onmouseover='window.__hacked=3`},
	{"right to left", "abc \u202etxt.exe \u2067שלום\u2069 مرحبا"},
	{"emoji", "🎉 👩‍👩‍👧‍👦 🇳🇱 é e\u0301"},
	{"marks", "Z" + strings.Repeat("\u0351\u036b\u0343", 40)},
	{"one word", strings.Repeat("word", 200)},
	{"lines", "first\n  second <b>\n\nlast"},
	{"8 KiB", strings.Repeat("8 KiB of é ", 682) + strings.Repeat("x", 8192-2-682*12)},
}

// TestChat has people talk in a room: on two nodes over a real member, one on each way in. Everybody sees the same text, once, in one order,
// before and after loading the page again; what is too large is refused, and stays in the box.
func TestChat(t *testing.T) {
	t.Parallel()
	m, err := member.Start(t.Context(), member.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	nodes := newNodes(t, 2, m.Addr(), &counter{whole: true, rows: 5}, 2*time.Second)
	together(t, nodes)

	wall := newTab(t)
	wall.open(nodes[1].URL + "/d/d")
	ada := enter(t, nodes[0], ways[0], "ops", "Ada", "7")
	bram := enter(t, nodes[1], ways[1], "ops", "Bram <b>", "8")
	cleo := enter(t, nodes[1], ways[2], "ops", "Cleo\u202e", "")
	people := []*talker{ada, bram, cleo}
	for i, m := range spellings {
		from := people[i%len(people)]
		from.say(m.text)
		for _, p := range people {
			p.hears(from.name, m.text)
		}
	}
	for _, p := range people[:2] { // a long poll tells who came with its next answer
		p.until(patient, `document.querySelector("[data-slot=here]").textContent.indexOf("Ada") >= 0 &&
			document.querySelector("[data-slot=here]").textContent.indexOf("Bram <b>") >= 0 &&
			document.querySelector("[data-slot=here-count]").textContent === "3 connections"`)
	}
	for _, p := range people {
		p.tooLarge()
		p.sameAfterLoading()
		p.unharmed(nodes)
	}
	order, err := ada.log()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range people[1:] {
		if list, err := p.log(); err != nil || !slices.Equal(list, order) {
			t.Errorf("%s sees %d lines, Ada %d, or in another order (%v)", p.name, len(list), len(order), err)
		}
	}
	if n, err := eval[int](wall, `document.querySelectorAll(".notice").length`); err != nil || n != 0 {
		t.Errorf("the wall shows %d notices (%v); what is said in a room is for those in it", n, err)
	}
	withoutScripts(t, nodes[0], bram)
	if isLong() {
		m.Kill()
		apart(ada, bram)
	}
}

// apart has two nodes lose each other under people who talk: who says something is told that it reaches this node only.
func apart(ada, bram *talker) {
	for _, p := range []*talker{ada, bram} {
		p.until(patient, saysAlone)
	}
	ada.say("alone here")
	ada.hears("Ada", "alone here")
	ada.until(patient, `/reaches this node only/.test([].slice.call(document.querySelectorAll(".message.own")).pop().textContent)`)
	bram.say("me too")
	bram.hears(bram.name, "me too")
	if list, err := bram.log(); err != nil || list[len(list)-2].Text == "alone here" {
		bram.t.Errorf("what was said on a node alone came to another (%v)", err)
	}
}

// tooLarge sends a message of one byte too many, twice: the page says so, and where the page does not look, the server. It is in nobody's
// log, and stays in the box.
func (p *talker) tooLarge() {
	p.t.Helper()
	text := strings.Repeat("y", 8192-1)
	kept := fmt.Sprintf(` && document.getElementById("say").value.length === %d && !document.querySelector(".waits")`, len(text))
	p.say(text)
	p.until(patient, `/8,193 bytes, at most 8,192/.test(document.querySelector("[data-slot=problem]").textContent)`+kept)
	p.act(`pulsewall.page.chat.box.most = 1e6; pulsewall.page.chat.box.problem("");`)
	p.say(text)
	p.until(patient, `/8193 bytes: at most 8192/.test(document.querySelector("[data-slot=problem]").textContent)`+kept)
	p.act(`document.getElementById("say").value = "";`)
}

// sameAfterLoading loads the page again: the log is the same, to the letter of its markup.
func (p *talker) sameAfterLoading() {
	p.t.Helper()
	const lines = `[].map.call(document.querySelectorAll("[data-slot=lines] > .message"), function (line) {
		return line.outerHTML.replace("message own", "message").replace(/\s+</g, "<"); // whose it is, is known by user, and else by this page
	}).join("\n")`
	before, err := eval[string](p.tab, lines)
	p.must(err)
	p.act(`window.__old = true; location.reload();`)
	p.until(patient, `!window.__old && `+isLive)
	after, err := eval[string](p.tab, lines)
	p.must(err)
	if before != after || !strings.Contains(after, "8 KiB") {
		at := 0
		for at < min(len(before), len(after)) && before[at] == after[at] {
			at++
		}
		p.t.Errorf("%s: %d bytes of lines before loading again, %d after; want the same, but %.60q became %.60q", p.name, len(before), len(after), before[at:], after[at:])
	}
}

// unharmed fails the test when something of what was said is more than text, sticks out, or is in the console.
func (p *talker) unharmed(nodes []*site) {
	p.t.Helper()
	hacked, err := eval[bool](p.tab, `window.__hacked !== undefined || Boolean(document.querySelector("img, script:not([src]), [onerror], [onmouseover]"))`)
	p.must(err)
	if hacked {
		p.t.Error("hostile text became more than text")
	}
	for _, width := range []int64{360, 1440} {
		p.size(width, 800)
		p.until(patient, fmt.Sprintf("window.innerWidth === %d", width))
		p.fits(fmt.Sprint(p.name, " ", width))
	}
	own := nodes[0]
	if p.name != "Ada" {
		own = nodes[1]
	}
	p.mu.Lock()
	p.trouble = slices.DeleteFunc(p.trouble, func(line string) bool { return strings.Contains(line, "413") }) // as was asked for
	p.mu.Unlock()
	p.quiet(own.URL)
}

// withoutScripts has somebody read and write whose browser runs no scripts.
func withoutScripts(t *testing.T, s *site, other *talker) {
	dora := enter(t, s, ways[3], "ops", "Dora", "")
	dora.hears("Ada", spellings[0].text)
	shown, err := eval[bool](dora.tab, `document.querySelector(".say").offsetHeight > 0`)
	dora.must(err)
	if shown {
		t.Error("there is a box on a page that loads itself again: what is typed would be lost")
	}
	dora.click(".write a")
	dora.until(patient, `location.search.indexOf("write=1") >= 0 && document.getElementById("say").offsetHeight > 0 && !document.querySelector("[data-live], meta[http-equiv]")`)
	large := strings.Repeat("z", 8192-1)
	dora.act(`document.getElementById("say").value = ` + quoted(large) + `;`)
	dora.click(".say .primary")
	dora.until(patient, `/8193 bytes: at most 8192/.test(document.querySelector("[role=alert]").textContent) && document.getElementById("say").value.length === 8191`)
	dora.act(`document.getElementById("say").value = "no scripts here\n<i>";`)
	dora.click(".say .primary")
	dora.until(patient, `location.pathname === "/chat" && location.search.indexOf("write") < 0 && location.search.indexOf("name=Dora") >= 0`)
	for _, p := range []*talker{dora, other} {
		p.hears("Dora", "no scripts here\n<i>")
	}
	again, err := eval[string](dora.tab, `document.querySelector("meta[http-equiv=refresh]").content`)
	dora.must(err)
	if again != "10" {
		t.Errorf("the page loads itself again after %q s; want 10", again)
	}
	if isLong() {
		other.say("heard you")
		dora.hears(other.name, "heard you")
	}
}
