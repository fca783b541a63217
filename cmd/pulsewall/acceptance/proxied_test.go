package acceptance

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/pulsewall/pulsewall/assets/browsertest"
	"github.com/pulsewall/pulsewall/dashboard"
	"github.com/pulsewall/pulsewall/deploy/balancer"
	"github.com/pulsewall/pulsewall/feeds"
)

// bareProxy is an nginx as many write it: it asks for an upgrade on every request, and Host comes without its port.
const bareProxy = `
daemon off;
pid nginx.pid;
error_log stderr;
events {}
http {
	client_body_temp_path temp; proxy_temp_path temp; fastcgi_temp_path temp; uwsgi_temp_path temp; scgi_temp_path temp;
	access_log off;
	upstream pulsewall {
		server 127.0.0.1:7001;
	}
	server {
		listen 127.0.0.1:8080;
		location / {
			proxy_pass http://pulsewall;
			proxy_http_version 1.1;
			proxy_set_header Host $host;
			proxy_set_header Upgrade $http_upgrade;
			proxy_set_header Connection "upgrade";
		}
	}
}
`

// publicName is how people reach the proxy in the test. It is none that browsers take for this machine: to such a one they send no
// Sec-Fetch-Site over plain HTTP, by which a server could tell its own pages.
const publicName = "wall.example"

// proxied serves a dashboard behind the bare proxy and returns the address that people see.
func proxied(t *testing.T, change func(o *dashboard.Options, public string)) *site {
	t.Helper()
	address := freeAddress(t)
	_, port, _ := net.SplitHostPort(address)
	public := "http://" + publicName + ":" + port
	opts := dashboard.Options{
		Node:   "here",
		Feeds:  []feeds.Feed{{Name: "counter", Source: &counter{whole: true, rows: 25}, Interval: 2 * time.Second}},
		Boards: []dashboard.Board{{Name: "d", Title: "D", Panels: []dashboard.Panel{{Name: "counter", Title: "C", Feed: "counter", View: "table"}}}},
	}
	change(&opts, public)
	startBalancer(t, balancer.Options{Kind: balancer.Nginx, Config: []byte(bareProxy), Listen: address, Nodes: hosts([]*site{newSite(t, opts)})})
	return &site{URL: public}
}

// TestBareProxy has people come through an nginx that is set up as little as one can be for WebSockets. With --origin all works on every
// rung. Without it, what is refused says which line to change, in answers and on the page.
func TestBareProxy(t *testing.T) {
	t.Parallel()
	browser, end, err := browsertest.Start(chromedp.Flag("host-resolver-rules", "MAP "+publicName+" 127.0.0.1"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(end)
	t.Run("with origin", func(t *testing.T) {
		s := proxied(t, func(o *dashboard.Options, public string) { o.Origins = []string{public} })
		for _, w := range ways {
			p := w.openIn(tabIn(t, browser), s.URL+"/d/d?unionId=7")
			first := p.change(w, shown{}, 10*time.Second, func(way, shown) {})
			if next := p.change(w, first, 8*time.Second, func(way, shown) {}); !strings.Contains(next.Transport, w.transport) {
				t.Errorf("%s: the page says %q; want %q", w.name, next.Transport, w.transport)
			}
			p.sendForm("by form, " + w.name)
			p.until(8*time.Second, `!window.wasSent && location.href === "`+s.URL+`/d/d?unionId=7" && document.querySelector("[data-panel=counter]")`)
			if !w.noScripts {
				p.act(`fetch("/api/messages", { method: "POST", headers: { "Content-Type": "application/json" },
					body: JSON.stringify({ to: { all: true }, data: "by script, ` + w.name + `" }) });`)
			}
			p.quiet(s.URL)
		}
		eventually(t, 5*time.Second, func() error { return s.hasMessages(7) })
	})
	t.Run("without origin", func(t *testing.T) {
		s := proxied(t, func(o *dashboard.Options, _ string) {
			o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
		})
		p := tabIn(t, browser)
		p.open(s.URL + "/d/d")
		p.until(10*time.Second, `document.querySelector("[data-slot=connection]").getAttribute("data-state") === "lost" &&
			/--origin .*proxy_set_header Host \$http_host;/.test(document.querySelector("[data-slot=notices]").textContent)`)
		before := p.words()
		pass(t, 3*time.Second)
		p.until(time.Second, `document.querySelector("[data-slot=connection]").getAttribute("data-state") === "lost" &&
			document.querySelector("[data-slot=notices]").textContent.length > 100`)
		t.Logf("the page says %q and later %q", before, p.words())
		s.refuses(t, s.URL, "--origin", "proxy_set_header Host $http_host;")
	})
	t.Run("a name of nobody", func(t *testing.T) { // to a server on loopback, which then answers no page at all
		s := proxied(t, func(*dashboard.Options, string) {})
		s.refuses(t, s.URL, "--origin", publicName)
	})
}

// sendForm sends a message by a form, as a page without scripts does.
func (p *tab) sendForm(text string) {
	p.t.Helper()
	p.act(`var form = document.createElement("form"), field = { to: "all", data: "` + text + `" }, name, input;
		form.method = "post";
		form.action = "/api/messages";
		for (name in field) {
			input = document.createElement("input");
			input.name = name;
			input.value = field[name];
			form.appendChild(input);
		}
		document.body.appendChild(form);
		window.wasSent = true;
		form.submit();`)
}

// local is where a site of the public name really is.
func (s *site) local() (address, host string) {
	u, _ := url.Parse(s.URL)
	return "http://127.0.0.1:" + u.Port(), u.Host
}

// hasMessages says whether so many messages were sent, each once.
func (s *site) hasMessages(want int) error {
	address, host := s.local()
	req, err := http.NewRequest(http.MethodGet, address+"/api/messages?limit=100", nil)
	if err != nil {
		return err
	}
	req.Host = host
	resp, err := clients.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var got struct{ Messages []struct{ Data string } }
	if err := json.NewDecoder(resp.Body).Decode(&got); err != nil {
		return err
	}
	texts := make(map[string]bool)
	for _, m := range got.Messages {
		texts[m.Data] = true
	}
	if len(texts) != want || len(got.Messages) != want {
		return fmt.Errorf("messages %v; want %d different ones", got.Messages, want)
	}
	return nil
}

// refuses posts a message as a page of an origin does, and fails the test unless that is refused with a problem that says all of words.
func (s *site) refuses(t *testing.T, origin string, words ...string) {
	t.Helper()
	address, host := s.local()
	req, err := http.NewRequest(http.MethodPost, address+"/api/messages", strings.NewReader(`{"to":{"all":true},"data":"x"}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Host = host
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Origin", origin)
	resp, err := clients.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var problem struct{ Detail string }
	if err := json.Unmarshal(body, &problem); err != nil || resp.StatusCode != http.StatusForbidden ||
		resp.Header.Get("Content-Type") != "application/problem+json" {
		t.Fatalf("%s %s: %s; want a problem", resp.Status, resp.Header.Get("Content-Type"), body)
	}
	for _, word := range words {
		if !strings.Contains(problem.Detail, word) {
			t.Errorf("the refusal is %q; want %q in it", problem.Detail, word)
		}
	}
}
