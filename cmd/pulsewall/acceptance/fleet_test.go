package acceptance

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/cluster"
	"github.com/pulsewall/pulsewall/cluster/member"
	"github.com/pulsewall/pulsewall/dashboard"
	"github.com/pulsewall/pulsewall/feeds"
	"github.com/pulsewall/pulsewall/transport"
)

// nodeVariable tells this test binary to be a node instead, so that a test can kill one and still count the polls of its source.
const nodeVariable = "PULSEWALL_TEST_NODE"

// nodeSettings are what a node in a process of its own is told. Its feed "counter" and its dashboard "d" are those of newNodes; "slow"
// takes 60 % of the interval, and of "paged" the source cuts the pages.
type nodeSettings struct {
	Name     string
	Listen   string // host:port
	Members  []string
	Interval time.Duration // of the feed
	Took     time.Duration // by each poll
	Rows     int           // of the source
	Cut      bool          // the source cuts the pages itself
	Ahead    time.Duration // how far its clock is wrong
	Tally    string        // address where its polls are told
	Before   []string      // words that run it in a network of its own; none: in this one
	Secret   string        // with which other nodes may open links to it; empty: it takes none
	Boiler   string        // address of the boiler that its feed "boiler" reads and that its notifier tells of alerts; empty: it has neither
}

// runNode is the whole program of such a node. It ends by SIGTERM, or when the test binary that started it is gone.
func runNode(settings string) error {
	var s nodeSettings
	if err := json.Unmarshal([]byte(settings), &s); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	go func() { // as long as the process
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(1)
	}()
	d, err := dashboard.New(dashboard.Options{
		Node:      s.Name,
		Now:       func() time.Time { return time.Now().Add(s.Ahead) },
		Feeds:     append(s.boilers(), s.feed("counter", !s.Cut, s.Took), s.feed("slow", true, longPoll(s.Interval)), s.feed("paged", false, 0)),
		Boards:    []dashboard.Board{{Name: "d", Title: "D", Panels: []dashboard.Panel{{Name: "c", Title: "C", Feed: "counter"}}}},
		Limits:    dashboard.Limits{MessagesPerSecond: 10_000},
		Notifiers: s.hooks(),
		Cluster: func(j dashboard.Joining) (cluster.Cluster, error) {
			return cluster.NewHazelcast(j.Node, j.Handler, cluster.Options{
				Addresses: s.Members, Status: j.Status, Now: j.Now, Logger: j.Logger, Secret: s.Secret, Address: "http://" + s.Listen,
			}), nil
		},
		Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelInfo})),
	})
	if err != nil {
		return err
	}
	l, err := transport.Listen("tcp", s.Listen)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: d, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	err = d.Run(ctx)
	_ = server.Close()
	if end := <-served; !errors.Is(end, http.ErrServerClosed) {
		return errors.Join(err, end)
	}
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// feed is one whose polls are told to the test.
func (s nodeSettings) feed(name string, whole bool, took time.Duration) feeds.Feed {
	return feeds.Feed{Name: name, Source: &told{counter{whole: whole, rows: s.Rows}, name, took, s}, Interval: s.Interval}
}

// told is a counter that tells each poll to the test: when it begins, before it takes its time, and when it ends. Its records tell
// which one of all that began or ended it is.
type told struct {
	counter

	feed string
	took time.Duration
	s    nodeSettings
}

func (c *told) Poll(ctx context.Context, q feeds.Query) (feeds.Result, error) {
	n, err := c.tell(ctx, "begin", q)
	if err != nil {
		return feeds.Result{}, err
	}
	select {
	case <-time.After(c.took):
	case <-ctx.Done():
		return feeds.Result{}, ctx.Err()
	}
	result, err := c.counter.Poll(ctx, q)
	for _, r := range result.Records {
		r["poll"] = n
	}
	if err == nil {
		_, err = c.tell(ctx, "end", q)
	}
	return result, err
}

func (c *told) tell(ctx context.Context, what string, q feeds.Query) (n int, err error) {
	page := fmt.Sprint(q.UnionID, "/", q.Offset, "/", q.Limit)
	if c.whole {
		page = ""
	}
	body, _ := json.Marshal(tallied{Node: c.s.Name, Feed: c.feed, What: what, Page: page, At: time.Now()}) // which never fails
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.s.Tally, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	return n, json.NewDecoder(resp.Body).Decode(&n)
}

// tallied is one beginning or end of a poll.
type tallied struct {
	Node string
	Feed string
	What string    // begin or end
	Page string    // what was asked for, where the source cuts; else empty
	At   time.Time // by the clock of the machine, whatever that of the node says
}

// tally counts the polls of all nodes.
type tally struct {
	server *httptest.Server

	mu   sync.Mutex
	list []tallied
}

func newTally(t *testing.T) *tally {
	y := &tally{}
	y.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		one := tallied{}
		if err := json.NewDecoder(r.Body).Decode(&one); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		y.mu.Lock()
		defer y.mu.Unlock()
		y.list = append(y.list, one)
		_, _ = fmt.Fprint(w, len(y.list))
	}))
	t.Cleanup(y.server.Close)
	return y
}

// all returns what was told so far: poll n began as number n, counted from 1.
func (y *tally) all() []tallied {
	y.mu.Lock()
	defer y.mu.Unlock()
	return slices.Clone(y.list)
}

// fleet is several nodes, each in a process of its own, over members of their own.
type fleet struct {
	t       *testing.T
	members []*member.Member
	nodes   []*process
	tally   *tally
}

// newFleet starts members with a configuration (nil: their own) and n nodes called node-1, node-2 …, and waits until all see each
// other. What the settings leave empty gets a default.
func newFleet(t *testing.T, members int, config []byte, n int, settings ...nodeSettings) *fleet {
	t.Helper()
	f := &fleet{t: t, tally: newTally(t)}
	var err error
	if members == 2 {
		f.members, err = member.StartPair(t.Context(), member.Options{Config: config})
	} else {
		var one *member.Member
		one, err = member.Start(t.Context(), member.Options{Config: config})
		f.members = []*member.Member{one}
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range f.members {
		t.Cleanup(m.Close)
	}
	for i := range n {
		var s nodeSettings
		if i < len(settings) {
			s = settings[i]
		} else if len(settings) > 0 {
			s = settings[len(settings)-1]
			s.Ahead = 0
		}
		f.start(fmt.Sprint("node-", i+1), freeAddress(t), s)
	}
	together(t, f.sites())
	return f
}

// start adds a node, or starts one again under its name and address.
func (f *fleet) start(name, address string, s nodeSettings) *process {
	f.t.Helper()
	s.Name, s.Listen, s.Tally = name, address, f.tally.server.URL
	if s.Interval == 0 {
		s.Interval = 2 * time.Second
	}
	if s.Rows == 0 {
		s.Rows = 100
	}
	for _, m := range f.members {
		s.Members = append(s.Members, m.Addr())
	}
	settings, err := json.Marshal(s)
	if err != nil {
		f.t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		f.t.Fatal(err)
	}
	words := append(slices.Clone(s.Before), self)
	p := &process{site: site{URL: "http://" + address}, t: f.t, cmd: exec.Command(words[0], words[1:]...), out: &tail{}}
	p.cmd.Env = append(os.Environ(), nodeVariable+"="+string(settings))
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	if _, err := p.cmd.StdinPipe(); err != nil { // which ends with this process
		f.t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() {
		p.kill()
		if race := strings.Contains(p.out.String(), "DATA RACE"); race || f.t.Failed() {
			f.t.Logf("%s printed:\n%s", name, p.out)
			if race {
				f.t.Errorf("a race in %s", name)
			}
		}
	})
	f.nodes = append(f.nodes, p.ready())
	return p
}

// sites are the nodes as clients see them.
func (f *fleet) sites() (list []*site) {
	for _, p := range f.nodes {
		list = append(list, &p.site)
	}
	return list
}
