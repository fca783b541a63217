package acceptance

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/dashboard"
)

// changingPage connects without wishes and keeps what comes.
const changingPage = `<!DOCTYPE html><title>changes</title><script src="%[1]s/pulsewall.js"></script><script>
	var got = { reading: {}, message: [], room: [], done: {}, now: {} };
	var wall = pulsewall.connect({
		url: "%[1]s/", unionId: 8, subs: ["first/-/1/5"], rooms: ["start"],
		reading: function (r) { (got.reading[r.sub] = got.reading[r.sub] || []).push(r); },
		message: function (m) { got.message.push(m.data); },
		room: function (r) { got.room.push(r.room); },
		state: function (now) { got.now = now; throw new Error("a mistake of the page"); }
	});
	function done(name) {
		got.done[name] = undefined;
		return function (problem, result) { got.done[name] = problem || result || "done"; };
	}
</script>`

// loseAnswer has the answer to the first message of a page lost on its way, on a WebSocket with the connection.
const loseAnswer = `(function () {
	var request = XMLHttpRequest.prototype, open = request.open, post = request.send, socket = window.WebSocket && WebSocket.prototype;
	request.open = function (method) { this.posts = method === "POST"; open.apply(this, arguments); };
	request.send = function () {
		var self = this, hear = this.onreadystatechange;
		if (this.posts && !window.lost) {
			window.lost = true;
			this.onreadystatechange = function () {
				if (self.readyState !== 4) { return; }
				Object.defineProperty(self, "status", { value: 0 });
				Object.defineProperty(self, "responseText", { value: "" });
				hear();
			};
		}
		post.apply(this, arguments);
	};
	if (!socket) { return; }
	var send = socket.send;
	socket.send = function (text) {
		var self = this;
		send.call(this, text);
		if (/"op":"send"/.test(text) && !window.lost) {
			window.lost = true;
			this.onmessage = null;
			setTimeout(function () { self.close(); }, 500);
		}
	};
}());`

// TestForeignChanges has a page of another site change what it watches and where it is, on each way in: what is refused is told and
// leaves the rest as it was.
func TestForeignChanges(t *testing.T) {
	t.Parallel()
	origin, serve := foreignSite(t)
	first, second := feedEvery(time.Second), feedEvery(time.Second)
	first.Name, first.Source = "first", &counter{whole: true, rows: 25}
	second.Name, second.Source = "second", &counter{whole: true, rows: 25}
	opts := dashboard.Options{Node: "here", Origins: []string{origin}}
	opts.Feeds = append(opts.Feeds, first, second)
	opts.Boards = []dashboard.Board{{Name: "d", Title: "D", Panels: []dashboard.Panel{{Name: "p", Feed: "first"}}}}
	s := newSite(t, opts)
	serve(fmt.Sprintf(changingPage, s.URL))
	for i, w := range ways[:3] {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			w.remove += loseAnswer
			p := w.open(t, origin)
			live := func() { p.until(slowly, `got.now.state === "live"`) }
			does := func(statement, name, then string) {
				t.Helper()
				p.act(strings.ReplaceAll(fmt.Sprintf(statement, fmt.Sprintf("done(%q)", name)), "den", fmt.Sprint("den", i)))
				p.until(slowly, fmt.Sprintf("got.done[%q] !== undefined", name))
				p.until(slowly, then)
			}
			more := func(sub string) { // a further reading
				t.Helper()
				p.act(fmt.Sprintf("window.had = (got.reading[%[1]q] || []).length", sub))
				p.until(slowly, fmt.Sprintf("(got.reading[%[1]q] || []).length > had", sub))
			}
			live()
			more("first/-/1/5")
			does(`wall.subscribe("second/-/1/3", %s)`, "second", `!got.done.second.status`)
			more("second/-/1/3")
			p.until(slowly, `got.reading["second/-/1/3"][0].page.records.length === 3`)
			does(`wall.subscribe("nothing/-/1/3", %s)`, "nothing", `/nothing/.test(got.done.nothing.detail)`)
			live()
			more("first/-/1/5")
			more("second/-/1/3")
			does(`wall.join("den", %s)`, "join", `!got.done.join.status`)
			does(`wall.join("no such name", %s)`, "badly", `/no such name/.test(got.done.badly.detail)`)
			live()
			does(`wall.send({ room: "den" }, { n: 1 }, %s)`, "send", `got.done.send.id && got.message.some(function (m) { return m.n === 1; })`)
			does(`wall.leave("den", %s)`, "leave", `!got.done.leave.status`)
			live()
			does(`wall.send({ room: "den" }, "unheard", %s)`, "away", `got.done.away.id`)
			does(`wall.send({ users: [8, 12345] }, "heard", %s)`, "users", `got.done.users.offline[0] === "12345" && got.message.indexOf("heard") >= 0`)
			does(`wall.send({ nobody: 1 }, "x", %s)`, "wrong", `got.done.wrong.status === 400`)
			does(`wall.send({ all: true }, new Array(9000).join("x"), %s)`, "large", `got.done.large.status === 413`)
			does(`wall.send({ all: true }, new Array(4000).join("\u20ac"), %s)`, "larger", `got.done.larger.status === 413`)
			does(`wall.unsubscribe("second/-/1/3", %s)`, "less", `!got.done.less.status`)
			live()
			p.act(`delete got.reading["second/-/1/3"]`)
			more("first/-/1/5")
			p.act(`wall.join("lounge", done("cut")); wall.close(); wall.close()`)
			p.until(slowly, `got.done.cut !== undefined`)
			does(`wall.send({ all: true }, "late", %s)`, "late", `got.done.late.title === "Closed"`)
			does(`wall.subscribe("second/-/1/4", %s)`, "later", `got.done.later.title === "Closed"`)
			p.until(slowly, `got.now.state === "stopped" && !got.reading["second/-/1/3"] && got.message.indexOf("unheard") < 0 && got.room.length > 0`)
			p.until(slowly, `got.message.filter(function (m) { return m.n === 1; }).length === 1 && window.lost`) // its answer was lost, and it was sent again
			p.until(slowly, `got.reading["first/-/1/5"].every(function (r, i, all) { return r.page && (!i || r.version > all[i - 1].version); })`)
		})
	}
}
