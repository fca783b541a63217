package acceptance

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
)

// reading is one as programs get it.
type reading struct {
	Sub                   string
	Version               int64
	Status, Reason, Error string
	Page                  *struct {
		Records []map[string]any
		Total   int
	}
}

// onlooker is a client that remembers what it was told, of one subscription of each feed.
type onlooker struct {
	mu     sync.Mutex
	newest map[string]reading // guarded by mu, by feed
	good   map[string]map[int64]bool
}

// look has a client watch the subscriptions in query until the crowd ends.
func (c *crowd) look(s *site, transport, query string) *onlooker {
	o := &onlooker{newest: make(map[string]reading), good: make(map[string]map[int64]bool)}
	c.listen(s, transport, query, func(e event) {
		if e.Event != "reading" {
			return
		}
		var r reading
		if err := json.Unmarshal(e.Data, &r); err != nil {
			c.t.Errorf("%s: %v", e.Data, err)
		}
		o.take(r)
	})
	return o
}

func (o *onlooker) take(r reading) {
	feed, _, _ := strings.Cut(r.Sub, "/")
	o.mu.Lock()
	defer o.mu.Unlock()
	if r.Page == nil { // the same as before, or none
		r.Page = o.newest[feed].Page
	}
	o.newest[feed] = r
	if r.Status == "ok" {
		if o.good[feed] == nil {
			o.good[feed] = make(map[int64]bool)
		}
		o.good[feed][r.Version] = true
	}
}

// of returns the newest reading of a feed.
func (o *onlooker) of(feed string) reading {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.newest[feed]
}

// versions is how many good readings of a feed it was told.
func (o *onlooker) versions(feed string) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.good[feed])
}

// shows says whether the newest reading of a feed is good and has that value in the first record.
func (o *onlooker) shows(feed, field string, want any) error {
	r := o.of(feed)
	if r.Status != "ok" || r.Page == nil || len(r.Page.Records) == 0 || fmt.Sprint(r.Page.Records[0][field]) != fmt.Sprint(want) {
		return fmt.Errorf("%s: %+v with %+v; want %s %v", feed, r, r.Page, field, want)
	}
	return nil
}
