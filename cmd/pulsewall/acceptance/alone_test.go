package acceptance

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/cluster/member"
)

const (
	// aloneWithin is how soon a page says that its node is alone, and that it is not any more once there is a member again.
	aloneWithin = 10 * time.Second
	// goneWithin is how soon a node that was killed is shown as gone.
	goneWithin = 12 * time.Second
	// reloaded is what a page without scripts may take longer.
	reloaded = 3 * time.Second
)

const saysAlone = `document.querySelector("[data-notice=alone]")`

// TestAlonePages kills the only member under pages of every kind and starts another one: each page says within what the docs promise that
// its node is alone, and no more when it is not; so do presence, metrics and readyz. Nothing is in a console.
func TestAlonePages(t *testing.T) {
	t.Parallel()
	m, err := member.Start(t.Context(), member.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	nodes := newNodes(t, 2, m.Addr(), &counter{whole: true, rows: 5}, 2*time.Second)
	together(t, nodes)
	type page struct {
		*tab
		name string
		slow time.Duration
	}
	var pages []page
	for i, w := range ways {
		p := page{tab: w.open(t, nodes[i%2].URL+"/d/d"), name: w.name}
		p.until(15*time.Second, `!document.querySelector(".panel.loading") && document.querySelector("[data-slot=transport]").textContent.indexOf("`+w.transport+`") >= 0`)
		if w.noScripts {
			p.slow = reloaded
		}
		pages = append(pages, p)
	}
	for _, w := range []way{ways[0], ways[2]} {
		p := page{tab: w.open(t, nodes[1].URL+"/"), name: "dashboards, " + w.name}
		p.until(15*time.Second, isLive)
		pages = append(pages, p)
	}
	say := func(what, condition string, began time.Time) {
		t.Helper()
		var all sync.WaitGroup
		for _, p := range pages {
			all.Go(func() {
				t.Logf("%s: %s after %.1f s", p.name, what, wait(p.tab, condition, aloneWithin+p.slow-time.Since(began)).Seconds())
			})
		}
		all.Wait()
	}
	for _, p := range pages {
		p.until(5*time.Second, "!"+saysAlone)
	}
	m.Kill()
	say("alone", saysAlone, time.Now())
	for _, n := range nodes {
		stands(t, n, true)
	}
	again, err := member.Start(t.Context(), member.Options{Port: m.Port()})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	say("together", "!"+saysAlone, time.Now())
	together(t, nodes)
	for i, p := range pages {
		stands(t, nodes[i%2], false)
		own := nodes[i%2].URL
		if strings.HasPrefix(p.name, "dashboards") {
			own = nodes[1].URL
		}
		p.quiet(own)
	}
}

// wait is until for a goroutine of its own: it may not end the test.
func wait(p *tab, condition string, limit time.Duration) time.Duration {
	limit = unhurried(limit)
	began := time.Now()
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		ok, err := eval[bool](p, "Boolean("+condition+")")
		if took := time.Since(began); err == nil && ok || took > limit {
			if took > limit {
				p.t.Errorf("not within %v: %s; the page says %q", limit, condition, p.words())
			}
			return took
		}
		<-ticker.C
	}
}

// stands waits until a node says so of itself to programs: on a busy machine one may be alone once more for a moment.
func stands(t *testing.T, n *site, alone bool) {
	t.Helper()
	eventually(t, time.Second, func() error {
		if p := presenceOf(t, n); p.Degraded != alone {
			return fmt.Errorf("presence: degraded %v; want %v", p.Degraded, alone)
		}
		if _, body := get(t, n.URL+"/metrics"); strings.Contains(body, "\npulsewall_degraded 1\n") != alone {
			return fmt.Errorf("metrics: want pulsewall_degraded for %v", alone)
		}
		resp, body := get(t, n.URL+"/readyz")
		var ready struct{ Degraded bool }
		if err := json.Unmarshal([]byte(body), &ready); err != nil || resp.StatusCode != http.StatusOK || ready.Degraded != alone {
			return fmt.Errorf("readyz: %s %s; want 200 and degraded %v", resp.Status, body, alone)
		}
		return nil
	})
}

// TestMachineOfAnotherNode watches the machine of one node on another one, by page and by program, with the program as users run it. Then
// that node is killed: the page of the machine that somebody named says so and keeps its last values as old ones; the page that
// happened to show it goes over to the node that is there, with a curve of its own.
func TestMachineOfAnotherNode(t *testing.T) {
	t.Parallel()
	m, err := member.Start(t.Context(), member.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	var nodes []*process
	var sites []*site
	for _, name := range []string{"red", "blue"} {
		p := start(t, freeAddress(t), nil, "--node", name, "--cluster", "hazelcast://"+m.Addr()+"/pulsewall", "--interval", "1500ms").ready()
		nodes, sites = append(nodes, p), append(sites, &p.site)
	}
	together(t, sites)
	red, blue := nodes[0], nodes[1]
	named, plain := newTab(t), newTab(t)
	named.open(blue.URL + "/d/overview?node=red")
	to, front := turnable(t, red.URL)
	plain.open(front + "/d/overview")
	const machine = `document.querySelector("[data-panel=host]")`
	for _, p := range []*tab{named, plain} {
		p.until(15*time.Second, isLive+` && !document.querySelector(".panel.loading") && `+machine+`.querySelector("[data-slot=origin]").textContent === "node red"`)
		p.until(15*time.Second, `Object.keys(pulsewall.page.panels[1].newest().series).length > 0 && pulsewall.page.panels[1].newest().series["cpu-0"].length > 2`)
	}
	if _, body := get(t, blue.URL+"/api/readings?sub=host@red/-/1/1"); !strings.Contains(body, `"status":"ok"`) {
		t.Errorf("host@red on blue: %s", body)
	}
	red.kill()
	killed := time.Now()
	to.Store(&blue.URL)
	p := newTab(t)
	p.open(blue.URL + "/d/nodes")
	p.until(goneWithin-time.Since(killed), `[].some.call(document.querySelectorAll("[data-panel=nodes] tbody tr"), function (row) {
		return /^red\s/.test(row.textContent) && row.querySelector(".mark.crit").textContent === "gone" && /–\s*–\s*–/.test(row.textContent);
	})`)
	t.Logf("the dashboard of the nodes says after %.1f s that it is gone", time.Since(killed).Seconds())
	named.until(20*time.Second, machine+`.querySelector("[data-slot=age]").textContent.indexOf("ode red cannot be reached") > 0 && `+machine+`.className.indexOf("old") > 0`)
	t.Logf("said to be gone: %s", named.words())
	eventually(t, 20*time.Second, func() error {
		_, body := get(t, blue.URL+"/api/readings?sub=host@red/-/1/1")
		if !strings.Contains(body, `"status":"stale"`) || !strings.Contains(body, "Node red cannot be reached.") {
			return fmt.Errorf("host@red: %s", body)
		}
		if _, body := get(t, blue.URL+"/api/nodes"); !strings.Contains(body, `{"name":"red","state":"gone"`) {
			return errors.New(body)
		}
		return nil
	})
	plain.until(20*time.Second, isLive+` && `+machine+`.querySelector("[data-slot=origin]").textContent === "node blue" &&
		`+machine+`.getAttribute("data-sub").indexOf("host@blue/") === 0 && `+machine+`.getAttribute("data-status") === "ok"`)
	t.Logf("the other page shows the machine of blue after %.1f s", time.Since(killed).Seconds())
	plain.until(10*time.Second, `(function (series) { return series["cpu-0"] && series["cpu-0"].length > 1; }(pulsewall.page.panels[1].newest().series))`)
	var own struct{ Points map[string][][2]float64 }
	if _, body := get(t, blue.URL+"/api/readings?sub=host@blue/-/1/100%3Bgroup=cpu"); json.Unmarshal([]byte(body), &own) != nil || len(own.Points["cpu-0"]) == 0 {
		t.Fatalf("host@blue: %s", body)
	}
	from, err := eval[float64](plain, `pulsewall.page.panels[1].newest().series["cpu-0"][0][0]`)
	if err != nil || from < own.Points["cpu-0"][0][0] {
		t.Errorf("the curve begins at %v, %v; that of blue at %v", from, err, own.Points["cpu-0"][0][0])
	}
	if shown, err := eval[[]string](plain, `pulsewall.page.panels.map(function (panel) { return panel.sub; })`); err != nil || strings.Contains(fmt.Sprint(shown), "@red") {
		t.Errorf("the page still shows %v, %v", shown, err)
	}
}

// turnable is an address in front of another one, as a balancer is, that can be turned to one more.
func turnable(t *testing.T, first string) (to *atomic.Pointer[string], front string) {
	t.Helper()
	to = new(atomic.Pointer[string])
	to.Store(&first)
	proxy := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			target, err := url.Parse(*to.Load())
			if err != nil {
				panic(err) // a test's own
			}
			r.SetURL(target)
			r.Out.Host = r.In.Host
		},
		FlushInterval: -1, ErrorLog: log.New(io.Discard, "", 0),
	})
	t.Cleanup(func() {
		proxy.CloseClientConnections()
		proxy.Close()
	})
	return to, proxy.URL
}
