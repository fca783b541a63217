package dashboard

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/pulsewall/pulsewall/cluster"
	"github.com/pulsewall/pulsewall/feeds"
)

// TestForeignContent is a log and readings that another version of the program wrote: they keep their places, and do not fill the log.
func TestForeignContent(t *testing.T) {
	var log strings.Builder
	logger := slog.New(slog.NewTextHandler(&log, nil))
	d, err := New(Options{
		Node: "here", Logger: logger, Boards: []Board{}, Feeds: []feeds.Feed{{Name: "rows", Source: none{}}},
		Cluster: func(j Joining) (cluster.Cluster, error) {
			return pair{cluster.NewLocal(j.Node, j.Handler), j.Status}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.hub.Close)
	m := member{d}
	sub, err := d.scheduler.Resolve(feeds.Subscription{Feed: "rows", Current: 1, Size: 10})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.scheduler.Want(sub); err != nil {
		t.Fatal(err)
	}
	epoch := d.cluster.Epoch()
	for i, data := range []string{"", "[]", `{"to":{"everybody":true}}`, `{"to":{"all":true},"data":1}`} {
		m.Deliver(cluster.Item{Position: cluster.Position{Epoch: epoch, Seq: int64(i + 1)}, Key: data, Data: []byte(data)})
		m.Reading(cluster.Reading{Sub: "rows", Version: int64(i + 1), From: "there", Data: []byte(data)})
	}
	if got := d.hub.Stats().Kept; got != 4 {
		t.Errorf("%d messages are kept; want 4, each in its place", got)
	}
	if got := strings.Count(log.String(), "unreadable"); got != 2 {
		t.Errorf("%d lines; want one for messages and one for readings:\n%s", got, log.String())
	}
}
