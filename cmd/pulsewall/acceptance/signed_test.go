package acceptance

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
)

// tokenSecret is what the tokens of these tests are signed with.
const tokenSecret = "a secret that only tests may know"

// tokenOf is the token of a user for so long, as somebody who has users signs it (RFC 7515).
func tokenOf(user string, good time.Duration) string {
	b64 := base64.RawURLEncoding.EncodeToString
	text := b64([]byte(`{"alg":"HS256"}`)) + "." + b64(fmt.Appendf(nil, `{"sub":%q,"name":"User %s","exp":%d}`, user, user, time.Now().Add(good).Unix()))
	mac := hmac.New(sha256.New, []byte(tokenSecret))
	_, _ = mac.Write([]byte(text)) // a hash takes everything
	return text + "." + b64(mac.Sum(nil))
}

// guardedWall is the program that asks for tokens.
func guardedWall(t *testing.T, more ...string) *process {
	t.Helper()
	flags := []string{"--interval", "2s", "--auth", "jwt", "--auth-algorithm", "HS256", "--auth-secret", tokenSecret, "--auth-cookie", "wall"}
	return start(t, freeAddress(t), nil, append(flags, more...)...).ready()
}

// login gives the tab a cookie with a token, as a page to log in does.
func (p *tab) login(address, token string) {
	p.t.Helper()
	hidden := true
	p.must(call(p.ctx, network.SetCookie, network.SetCookieParams{
		Name: "wall", Value: token, URL: address, HTTPOnly: &hidden, SameSite: network.CookieSameSiteLax,
	}))
}

const (
	firstVersion = `document.querySelector("[data-panel]").getAttribute("data-version")`
	refusedWith  = `(document.querySelector(".refusal .status") || {}).textContent === `
	shownTo      = `document.getElementById("main").getAttribute("data-union-id") === `
)

// TestWallBehindCookie: without a cookie there is nothing to see; with one, each sees what is his on every way in, and cannot be another.
func TestWallBehindCookie(t *testing.T) {
	t.Parallel()
	s := guardedWall(t)
	for i, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			me, other := fmt.Sprint(7+i), fmt.Sprint(70+i)
			p := w.open(t, s.URL+"/d/stocks")
			p.until(slowly, refusedWith+`"401" && !document.querySelector("[data-panel], nav a[href^='/d/']")`)
			p.login(s.URL, tokenOf(me, time.Hour))
			p.open(s.URL + "/d/stocks")
			p.until(slowly, shownTo+fmt.Sprintf("%q", me)+` && document.querySelector("[data-panel]") && !document.querySelector("[data-slot=user]")`)
			if !w.noScripts {
				p.until(slowly, isLive+` && document.querySelector("[data-slot=transport]").textContent === "`+w.transport+`"`)
				p.act("window.before = " + firstVersion)
				p.until(slowly, firstVersion+" !== window.before")
			}
			p.open(s.URL + "/d/stocks?unionId=" + other)
			p.until(slowly, refusedWith+`"403"`)
			p.open(s.URL + "/chat")
			p.until(slowly, shownTo+fmt.Sprintf("%q", me)+` && document.querySelector("[name=name]").value === "User `+me+`"`)
		})
	}
}

// briefly is how long a token is good that ends while its page is open.
const briefly = 6 * time.Second

// openBriefly opens a page that is live when its token has not long to go.
func (w way) openBriefly(t *testing.T, address string) *tab {
	t.Helper()
	p := w.openIn(newTab(t), "about:blank")
	var opened time.Time
	eventually(t, slowly, func() error {
		if time.Since(opened) > briefly { // the first time, or the machine is busy
			p.login(address, tokenOf("7", briefly))
			p.open(address)
			opened = time.Now()
		}
		if is, err := eval[bool](p, isLive); err != nil || !is {
			return errors.Join(errors.New("the page is not live"), err)
		}
		return nil
	})
	return p
}

// TestCookieEnds: when its token ends, a page goes on with the cookie that it has by then, or says why it stops.
func TestCookieEnds(t *testing.T) {
	t.Parallel()
	s := guardedWall(t)
	for _, w := range ways[:3] {
		t.Run(w.name+", with a new one", func(t *testing.T) {
			t.Parallel()
			p := w.openBriefly(t, s.URL+"/d/stocks")
			p.login(s.URL, tokenOf("7", time.Hour))
			p.act(fmt.Sprintf("window.first = pulsewall.page.link.conn.since; window.over = Date.now() + %d", briefly.Milliseconds()))
			if w.transport != "Long poll" { // which shows the cookie of the moment each time
				p.until(slowly, "pulsewall.page.link.conn.since !== window.first")
			}
			p.until(slowly, "Date.now() > window.over")
			p.act("window.before = " + firstVersion)
			p.until(slowly, isLive+" && "+firstVersion+" !== window.before")
		})
		t.Run(w.name+", with none", func(t *testing.T) {
			t.Parallel()
			p := w.openBriefly(t, s.URL+"/d/stocks")
			p.until(slowly, `pulsewall.page.link.state === "refused" && document.querySelector(".notice.crit").textContent.indexOf("expired") >= 0`)
		})
	}
}

// TestTicketPage: a page of another site, which has a token and no cookie, opens an event stream and a WebSocket with a ticket each. Neither
// opens a second one.
func TestTicketPage(t *testing.T) {
	t.Parallel()
	origin, serve := foreignSite(t)
	s := guardedWall(t, "--origin", origin)
	serve(strings.NewReplacer("WALL", s.URL, "TOKEN", tokenOf("7", time.Hour)).Replace(`<!DOCTYPE html>
<title>Tickets</title><ul id="said"></ul>
<script>
function say(text) { document.getElementById("said").appendChild(document.createElement("li")).textContent = text; }
function withTicket(use) {
	fetch("WALL/api/tickets", { method: "POST", headers: { Authorization: "Bearer TOKEN" } }).then(function (answer) {
		return answer.json();
	}).then(function (got) { use("WALL/live?sub=stocks&ticket=" + encodeURIComponent(got.ticket)); });
}
withTicket(function (address) {
	var first = new EventSource(address);
	first.addEventListener("reading", function (event) {
		var second = new EventSource(address);
		first.close();
		say("stream: " + JSON.parse(event.data).sub);
		second.onopen = function () { say("stream: opened again"); };
		second.onerror = function () { say("stream: not again"); second.close(); };
	});
});
withTicket(function (address) {
	var first = new WebSocket(address.replace("http", "ws"));
	first.onmessage = function (frame) {
		var event = JSON.parse(frame.data), second;
		if (event.event !== "reading") { return; }
		first.onmessage = null;
		say("socket: " + event.data.sub);
		second = new WebSocket(address.replace("http", "ws"));
		second.onopen = function () { say("socket: opened again"); };
		second.onerror = function () { say("socket: not again"); };
	};
});
</script>`))
	p := newTab(t)
	p.open(origin)
	for _, text := range []string{"stream: stocks/7/1/10", "stream: not again", "socket: stocks/7/1/10", "socket: not again"} {
		p.until(slowly, says("said", text))
	}
	if again, err := eval[bool](p, says("said", "opened again")); err != nil || again {
		t.Errorf("a ticket opens a second stream (%v)", err)
	}
}
