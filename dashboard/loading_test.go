package dashboard

import (
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/feeds"
)

// TestLoadingGivesWay has a client told that a reading is loading before one comes of a node whose clock is behind.
func TestLoadingGivesWay(t *testing.T) {
	d, _ := newDashboard(t)
	sub, err := d.scheduler.Resolve(feeds.Subscription{Feed: "rows", Current: 1, Size: 10})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	d.putMissing([]feeds.Reading{{Sub: sub, Status: feeds.Loading, Since: now, Seen: now}})
	if updates, _ := d.hub.Snapshot([]string{sub.String()}); len(updates) != 1 {
		t.Fatal("what was waited for is not there")
	}
	version := now.Add(-15 * time.Second).UnixMicro()
	sink{d}.Put(feeds.Reading{Sub: sub, Version: version, Status: feeds.OK, At: now, Seen: now, Due: now.Add(10 * time.Second), Page: &feeds.Page{}})
	updates, _ := d.hub.Snapshot([]string{sub.String()})
	if u := updates[sub.String()]; u == nil || u.Version != version {
		t.Errorf("the newest is %+v; want the reading, though its node's clock is behind", u)
	}
}
