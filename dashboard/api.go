package dashboard

import (
	"context"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/pulsewall/pulsewall/feeds"
	"github.com/pulsewall/pulsewall/transport"
)

// getPresence tells who is online, or who is in a room.
func (d *Dashboard) getPresence(w http.ResponseWriter, r *http.Request) {
	q, err := parseQuery(r.URL.RawQuery)
	if err != nil {
		d.refuse(w, r, err)
		return
	}
	room := q.Get("room")
	if !q.Has("room") {
		writeJSON(w, http.StatusOK, d.hub.Presence())
		return
	}
	if !transport.ValidName(room) {
		d.refuse(w, r, badRoom(room))
		return
	}
	writeJSON(w, http.StatusOK, d.hub.Room(room))
}

// getUsers lists who is connected, or who is in a room, as a page.
func (d *Dashboard) getUsers(w http.ResponseWriter, r *http.Request) {
	current, size, err := paging(r)
	if err != nil {
		d.refuse(w, r, err)
		return
	}
	q, _ := parseQuery(r.URL.RawQuery) // paging has read it
	room := q.Get("room")
	if q.Has("room") && !transport.ValidName(room) {
		d.refuse(w, r, badRoom(room))
		return
	}
	users := []transport.UserPresence{}
	if room != "" {
		users = append(users, d.usersIn(room)...)
	} else {
		users = d.hub.Users()
	}
	from := min(len(users), (current-1)*size)
	writeJSON(w, http.StatusOK, struct {
		Records []transport.UserPresence `json:"records"`
		Total   int                      `json:"total"`
		Size    int                      `json:"size"`
		Current int                      `json:"current"`
		Pages   int                      `json:"pages"`
	}{users[from:min(len(users), from+size)], len(users), size, current, (len(users) + size - 1) / size})
}

func paging(r *http.Request) (current, size int, err error) {
	q, err := parseQuery(r.URL.RawQuery)
	if err != nil {
		return 0, 0, err
	}
	if current, err = number(q, "current", 1, feeds.MaxCurrent); err != nil {
		return 0, 0, err
	}
	size, err = number(q, "size", feeds.DefaultSize, feeds.MaxSize)
	return current, size, err
}

// getUser tells where one user is connected.
func (d *Dashboard) getUser(w http.ResponseWriter, r *http.Request) {
	id, err := feeds.ParseUnionID(chi.URLParam(r, "unionId"))
	if err == nil && id == "" {
		err = refuse(http.StatusBadRequest, "unionId %q: want a 64-bit integer", clip(chi.URLParam(r, "unionId")))
	}
	if err != nil {
		d.refuse(w, r, err)
		return
	}
	for _, u := range d.hub.Users() {
		if u.UnionID == id {
			writeJSON(w, http.StatusOK, u)
			return
		}
	}
	writeJSON(w, http.StatusOK, transport.UserPresence{UnionID: id, Transports: map[transport.Kind]int{}, Nodes: []string{}})
}

// feedInfo is what a program can know of a feed before it watches it.
type feedInfo struct {
	Name      string        `json:"name"`
	Title     string        `json:"title"`
	Interval  float64       `json:"interval"` // seconds
	MaxAge    float64       `json:"maxAge,omitempty"`
	PerUser   bool          `json:"perUser"`
	PerNode   bool          `json:"perNode"`
	Simulated bool          `json:"simulated"`
	Origin    string        `json:"origin,omitempty"`
	Filters   []string      `json:"filters,omitempty"`
	Fields    []feeds.Field `json:"fields"`
}

// getFeeds lists what can be watched.
func (d *Dashboard) getFeeds(w http.ResponseWriter, _ *http.Request) {
	list := []feedInfo{}
	for _, f := range d.scheduler.Feeds() {
		about := d.abouts[f.Name]
		list = append(list, feedInfo{
			Name: f.Name, Title: about.Title, Interval: f.Interval.Seconds(), MaxAge: f.MaxAge.Seconds(),
			PerUser: about.PerUser, PerNode: about.PerNode, Simulated: about.Simulated, Origin: about.Origin,
			Filters: about.Filters, Fields: append([]feeds.Field{}, about.Fields...),
		})
	}
	writeJSON(w, http.StatusOK, map[string]any{"feeds": list})
}

// probeTimeout is how long a round trip through the hub may take.
const probeTimeout = 2 * time.Second

// probe makes one real round trip through the hub.
func (d *Dashboard) probe(r *http.Request) error {
	ctx, cancel := context.WithTimeout(r.Context(), probeTimeout)
	defer cancel()
	if err := d.hub.Probe(ctx); err != nil {
		return refuse(http.StatusServiceUnavailable, "nothing comes through the hub: %s", err).after(5 * time.Second)
	}
	return nil
}

// getHealth tells whether the process lives and is not stuck.
func (d *Dashboard) getHealth(w http.ResponseWriter, r *http.Request) {
	if err := d.probe(r); err != nil {
		d.refuse(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
}

// getReady tells a balancer whether to send anyone here.
func (d *Dashboard) getReady(w http.ResponseWriter, r *http.Request) {
	if !d.ready.Load() || d.hub.Draining() {
		d.refuse(w, r, refuse(http.StatusServiceUnavailable, "the server is starting or leaving").after(5*time.Second))
		return
	}
	if d.joining.under() {
		d.refuse(w, r, errJoining)
		return
	}
	if err := d.probe(r); err != nil {
		d.refuse(w, r, err)
		return
	}
	state := d.cluster.State()
	if state.Degraded && d.opts.StrictReady {
		d.refuse(w, r, refuse(http.StatusServiceUnavailable, "node %s is alone since %s: it cannot reach the Hazelcast members, and is configured to be ready only with them",
			d.opts.Node, state.Since.UTC().Format(time.RFC3339)).after(5*time.Second))
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"status": "ready", "node": d.opts.Node, "degraded": state.Degraded})
}
