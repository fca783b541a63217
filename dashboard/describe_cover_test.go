package dashboard_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/cluster"
	"github.com/pulsewall/pulsewall/dashboard"
	"github.com/pulsewall/pulsewall/feeds"
	"github.com/pulsewall/pulsewall/transport/wsconn"
)

// unseen are answers that take more than a call to get.
var unseen = map[string]string{
	"POST /api/messages 408":                         "a body that does not come",
	"POST /api/feeds/{name} 408":                     "likewise",
	"POST /sockjs/{server}/{session}/xhr_send 429":   "posts that wait for each other",
	"POST /sockjs/{server}/{session}/jsonp_send 429": "likewise",
}

// describedWall is a site of which seen is shared.
func describedWall(t *testing.T, opts dashboard.Options, seen map[string]bool, more ...feeds.Feed) *describedSite {
	t.Helper()
	opts = two(opts)
	opts.Feeds = append(append(opts.Feeds, more...), pushFeed(t, "jobs", feeds.PushOptions{PerUser: true, MaxBytes: 4096, PerSecond: 100}), pushFeed(t, "hasty", feeds.PushOptions{PerSecond: 1}))
	w := newWall(t, opts, false)
	return &describedSite{w, w.described(), seen}
}

// TestDescribedCalls calls every operation of the description, well and badly, until every answer that is described was seen, and
// every parameter was used.
func TestDescribedCalls(t *testing.T) {
	seen := make(map[string]bool)
	plenty := describedWall(t, dashboard.Options{History: openHistory(t)}, seen)
	end := plenty.holdChannel()
	defer end()
	for _, c := range calls {
		plenty.check(c)
	}
	for _, path := range heads {
		plenty.check(call{200, "HEAD " + path, "", nil})
	}
	for _, c := range sockJSCalls {
		plenty.check(c)
	}
	scarce(t, seen)
	alerting(t, seen)
	guardedCalls(t, seen)
	alertPaging(t, seen)
	ended(t, seen)
	withoutOrder(t, seen)
	for _, path := range plenty.d.at(openapi, "paths").keys() {
		plenty.covered(path)
	}
}

// holdChannel takes the end of a channel that others are to find taken.
func (s *describedSite) holdChannel() (end func()) {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	form := wsconn.Options{Binary: true, ReadLimit: 1 << 20, WriteTimeout: 10 * time.Second}
	conn, _, err := wsconn.Dial(ctx, "ws"+strings.TrimPrefix(s.URL, "http")+"/channel?type=web&channelId="+channelTaken, wsconn.DialOptions{Options: form})
	if err != nil {
		s.t.Fatal(err)
	}
	var holding sync.WaitGroup
	holding.Go(func() { _, _ = conn.Read() })
	holding.Go(func() { _ = conn.Tend(ctx, time.Minute, time.Minute) }) // answers pings
	return func() {
		cancel()
		conn.CloseNow()
		holding.Wait()
	}
}

// covered complains of what is described for a path and was not seen.
func (s *describedSite) covered(path string) {
	s.t.Helper()
	item := s.d.at(openapi, "paths", path)
	for _, method := range item.keys() {
		if method == "parameters" {
			continue
		}
		name := strings.ToUpper(method) + " " + path
		for _, status := range item.at(method, "responses").keys() {
			if what := name + " " + status; !s.seen[what] && unseen[what] == "" {
				s.t.Errorf("%s is described, but was not seen", what)
			}
		}
		parameters, _ := item.at(method, "parameters").v.([]any)
		for i := range parameters {
			p := item.at(method, "parameters", fmt.Sprint(i))
			if what := name + "?" + p.at("name").text(); !s.seen[what] {
				s.t.Errorf("%s: a parameter that was not used", what)
			}
		}
	}
}

// opening are the calls that stay, one of each operation, as a client from an address makes them.
func opening(from string) (list []call) {
	var done []string
	for _, c := range slices.Concat(calls, sockJSCalls) {
		path, _, _ := strings.Cut(c.line, "?")
		stays := c.status == 101 || c.status == 200 && (strings.HasPrefix(path, "GET /live") || strings.HasPrefix(path, "POST /sockjs/0") ||
			strings.HasPrefix(path, "GET /sockjs/0"))
		if stays && !slices.Contains(done, path) && !strings.HasSuffix(path, "_send") {
			done = append(done, path)
			list = append(list, call{0, c.line, c.body, append(slices.Clone(c.header), "X-Forwarded-For: "+from)})
		}
	}
	return list
}

// scarce has little of everything.
func scarce(t *testing.T, seen map[string]bool) {
	t.Helper()
	s := describedWall(t, dashboard.Options{
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")},
		Limits:         dashboard.Limits{Connections: 2, ConnectionsPerAddr: 1, MessagesPerSecond: 1, Polls: 2},
	}, seen)
	s.socket("?sub=mine/1&sub=mine/2", "X-Forwarded-For: 192.0.2.1").until("hello")
	for _, c := range opening("192.0.2.1") {
		c.status = 429
		s.check(c)
	}
	s.socket("", "X-Forwarded-For: 192.0.2.2").until("hello")
	for _, c := range opening("192.0.2.3") {
		c.status = 503
		s.check(c)
	}
	for i, c := range []call{
		{202, "POST /api/messages?unionId=%d", `{"to":{"all":true},"data":1}`, nil}, {303, "POST /chat", "to=room:r&data=x&unionId=%d", nil},
		{202, "GET /index/hello1?id=%d&idList=2", "", nil}, {202, "POST /index/hello1?id=%d&idList=2", "", nil},
	} {
		c.line, c.body = strings.ReplaceAll(c.line, "%d", fmt.Sprint(i)), strings.ReplaceAll(c.body, "%d", fmt.Sprint(i))
		for range 2 {
			s.check(c)
		}
		for n := 0; n < 100 && !seen[fmt.Sprint(nameOf(s.operation(strings.Fields(c.line)[0], strings.Fields(c.line)[1])), " 429")]; n++ {
			res, _ := s.ask(c)
			if res.StatusCode == 429 {
				c.status = 429
				s.check(c)
			}
		}
	}
	for hasty := (call{429, "POST /api/feeds/hasty", "[]", withKey}); !seen["POST /api/feeds/{name} 429"]; {
		if res, _ := s.ask(hasty); res.StatusCode == 429 {
			s.check(hasty)
		}
	}
	s.check(call{429, "GET /api/readings?feed=mine&unionId=3", "", nil})
	s.check(call{429, "GET /d/main?unionId=3", "", nil})
}

// guardedCalls asks a server that wants tokens, without one.
func guardedCalls(t *testing.T, seen map[string]bool) {
	t.Helper()
	s := describedWall(t, dashboard.Options{Auth: &dashboard.Auth{Verify: tokens}}, seen)
	s.check(call{201, "POST /api/tickets", "", []string{asSeven}})
	paths := s.d.at(openapi, "paths")
	for _, path := range paths.keys() {
		address := strings.NewReplacer("{dashboard}", "main", "{server}", "0", "{session}", "s", "{unionId}", "7").Replace(path)
		for _, method := range paths.at(path).keys() {
			security, said := paths.at(path, method, "security").v.([]any)
			isOpen := said && len(security) == 0
			if method != "parameters" && !isOpen && !strings.Contains(path, "{name}") {
				s.check(call{401, strings.ToUpper(method) + " " + address, "", nil})
			}
		}
	}
}

// ended is a server that has ended behind a listener that goes on.
func ended(t *testing.T, seen map[string]bool) {
	t.Helper()
	opts := two(dashboard.Options{})
	opts.Feeds = append(opts.Feeds, pushFeed(t, "jobs", feeds.PushOptions{PerUser: true}))
	opts.Logger = slog.New(slog.DiscardHandler)
	d, err := dashboard.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := d.Run(ctx); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(d)
	defer server.Close()
	s := &describedSite{wall: &wall{server, t}, seen: seen}
	s.d = s.described()
	s.check(call{503, "GET /readyz", "", nil})
	s.check(call{503, "GET /healthz", "", nil})
	s.check(call{503, "POST /api/feeds/jobs?unionId=7", "[]", withKey})
	server.CloseClientConnections()
}

// placeless is a cluster in which no message gets its place.
type placeless struct{ cluster.Cluster }

func (placeless) Append(context.Context, string, []byte) (cluster.Position, error) {
	return cluster.Position{}, errors.New("lost")
}

func withoutOrder(t *testing.T, seen map[string]bool) {
	t.Helper()
	s := describedWall(t, dashboard.Options{Cluster: func(j dashboard.Joining) (cluster.Cluster, error) {
		return placeless{cluster.NewLocal(j.Node, j.Handler)}, nil
	}}, seen)
	s.check(call{503, "POST /api/messages", `{"to":{"all":true},"data":1}`, nil})
	s.check(call{503, "POST /chat", "to=room:r&data=x", nil})
	s.check(call{503, "GET /index/hello1?id=1&idList=2", "", nil})
	s.check(call{503, "POST /index/hello1?id=1&idList=2", "", nil})
}
