package acceptance

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/cluster"
	"github.com/pulsewall/pulsewall/cluster/member"
	"github.com/pulsewall/pulsewall/dashboard"
	"github.com/pulsewall/pulsewall/feeds"
	"github.com/pulsewall/pulsewall/history"
)

// TestHistoryOfNodes has two nodes that saw each a part, and a third one that says nothing of what it saw: whichever of the two is asked puts both parts
// together, and names the third.
func TestHistoryOfNodes(t *testing.T) {
	t.Parallel()
	m, err := member.Start(t.Context(), member.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	begin := time.Now().Add(-time.Hour).Truncate(time.Minute)
	source, sub := &counter{}, "counter/-/1/10"
	nodes := make([]*site, 3)
	for i := range nodes {
		store, err := history.Open(t.TempDir(), history.Options{Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = store.Close() })
		for k := range 40 { // the first sees minutes 0 to 39, the second 20 to 59
			minute := 20*i + k
			store.Add(sub, begin.Add(time.Duration(minute)*time.Minute), map[string]float64{"x": float64(minute), fmt.Sprint("of ", i+1): 1})
		}
		nodes[i] = newSite(t, dashboard.Options{
			Node: fmt.Sprint("node-", i+1), History: store, Boards: []dashboard.Board{},
			Feeds: []feeds.Feed{{Name: "counter", Source: source, Interval: time.Minute}},
			Cluster: func(j dashboard.Joining) (cluster.Cluster, error) {
				o := cluster.Options{Addresses: []string{m.Addr()}, Status: j.Status, Answer: j.Answer, Logger: j.Logger}
				if i == 2 {
					o.Answer = nil
				}
				return cluster.NewHazelcast(j.Node, j.Handler, o), nil
			},
		})
	}
	together(t, nodes)
	for _, n := range nodes[:2] {
		eventually(t, 60*time.Second, func() error { return checkJoined(t, n, sub, begin) })
	}
}

// checkJoined says what is wrong with what a node tells of the hour.
func checkJoined(t *testing.T, n *site, sub string, begin time.Time) error {
	t.Helper()
	_, body := get(t, fmt.Sprintf("%s/api/history?sub=%s&from=%d&to=%d&step=1m", n.URL, sub, begin.Unix(), begin.Add(time.Hour).Unix()))
	var got struct {
		Series  map[string][][4]float64
		Missing []string
	}
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		return err
	}
	if fmt.Sprint(got.Missing) != "[node-3]" || len(got.Series["x"]) != 60 || len(got.Series["of 1"]) != 40 || len(got.Series["of 2"]) != 40 {
		return fmt.Errorf("%s says %s", n.URL, body)
	}
	for i, row := range got.Series["x"] {
		v := float64(i)
		if want := [4]float64{float64(begin.Add(time.Duration(i) * time.Minute).UnixMilli()), v, v, v}; row != want {
			return fmt.Errorf("minute %d is %v; want %v", i, row, want)
		}
	}
	return nil
}
