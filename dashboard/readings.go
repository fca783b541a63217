package dashboard

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/pulsewall/pulsewall/feeds"
	"github.com/pulsewall/pulsewall/transport"
	"github.com/pulsewall/pulsewall/views"
)

// sink gives the scheduler's readings to the hub.
type sink struct{ d *Dashboard }

func (s sink) Put(r feeds.Reading) {
	s.d.metrics.read(r)
	s.d.remember(r)
	s.d.putting.Lock()
	defer s.d.putting.Unlock()
	s.d.put(r)
}

func (s sink) Drop(sub feeds.Subscription) {
	s.d.metrics.forget(sub)
	s.d.hub.Drop(sub.String())
}

// forgetOld keeps readings that should have been replaced an interval ago, such as those from before the machine slept, from being the first that a client
// gets. Who has one keeps it, and both get the next. What was pushed has no rhythm and is never too old.
func (d *Dashboard) forgetOld(subs []feeds.Subscription) {
	d.putting.Lock()
	defer d.putting.Unlock()
	updates, _ := d.hub.Snapshot(topics(subs))
	for _, sub := range subs {
		u := updates[sub.String()]
		if u == nil || u.Content.(*content).reading.Due.IsZero() {
			continue
		}
		if r := u.Content.(*content).reading; time.Since(r.Seen) > r.Gap+d.scheduler.Interval(sub) {
			d.hub.Drop(u.Topic)
		}
	}
}

// putMissing puts readings of which the hub has no other: what a request waited for is in its answer, though the scheduler's own word that
// a subscription is loading may come a moment later. Such a reading has no version yet; it gets one that is lower than any that follows,
// whatever the clock of the node that makes it.
func (d *Dashboard) putMissing(readings []feeds.Reading) {
	d.putting.Lock()
	defer d.putting.Unlock()
	for _, r := range readings {
		if r.Version == 0 {
			r.Version = 1
		}
		if updates, _ := d.hub.Snapshot([]string{r.Sub.String()}); len(updates) == 0 {
			d.put(r)
		}
	}
}

// put makes r the newest of its subscription. The caller holds putting.
func (d *Dashboard) put(r feeds.Reading) {
	d.hub.Put(transport.NewUpdate(r.Sub.String(), r.Version, r.Before, newContent(d, r)))
}

// content is a reading on its way to clients.
type content struct {
	d       *Dashboard
	reading feeds.Reading
	whole   [2]func() []byte // by format: for who does not have the version just before; made once, as GET /api/readings answers with it too
	bare    func() []byte    // the page alone, for older clients
}

func newContent(d *Dashboard, r feeds.Reading) *content {
	c := &content{d: d, reading: r}
	c.bare = sync.OnceValue(c.encodePage)
	for f := range c.whole {
		c.whole[f] = sync.OnceValue(func() []byte { return c.encode(transport.Format(f), false) })
	}
	return c
}

// stamp is a time as clients read it: RFC 3339, UTC, milliseconds. The zero time is left out.
type stamp time.Time

func (t stamp) IsZero() bool { return time.Time(t).IsZero() }

func (t stamp) MarshalJSON() ([]byte, error) {
	return []byte(time.Time(t).UTC().Format(`"2006-01-02T15:04:05.000Z"`)), nil
}

func (t *stamp) UnmarshalJSON(b []byte) error { return (*time.Time)(t).UnmarshalJSON(b) }

// point is [unixMilliseconds, value].
type point struct {
	at    time.Time
	value float64
}

func (p point) MarshalJSON() ([]byte, error) {
	b := append([]byte{'['}, strconv.FormatInt(p.at.UnixMilli(), 10)...)
	return append(appendNumber(append(b, ','), p.value), ']'), nil
}

// appendNumber writes v as JSON does.
func appendNumber(b []byte, v float64) []byte {
	form := byte('f')
	if size := math.Abs(v); size != 0 && (size < 1e-6 || size >= 1e21) {
		form = 'e'
	}
	return strconv.AppendFloat(b, v, form, -1, 64)
}

// readingData is the data of a reading event.
type readingData struct {
	Sub      string             `json:"sub"`
	Version  int64              `json:"version"`
	At       stamp              `json:"at,omitzero"`
	Due      stamp              `json:"due,omitzero"`
	SourceAt stamp              `json:"sourceAt,omitzero"`
	Status   feeds.Status       `json:"status"`
	Reason   string             `json:"reason,omitempty"`
	Error    string             `json:"error,omitempty"`
	Since    stamp              `json:"since,omitzero"`
	Circuit  feeds.Circuit      `json:"circuit,omitempty"`
	Note     string             `json:"note,omitempty"`
	Same     bool               `json:"same,omitempty"`
	Page     *feeds.Page        `json:"page,omitempty"`
	HTML     string             `json:"html,omitempty"`
	Points   map[string][]point `json:"points,omitempty"`
}

// Encode returns the data of the reading event.
func (c *content) Encode(f transport.Format, next bool) []byte {
	if next {
		return c.encode(f, true)
	}
	return c.whole[f]()
}

func (c *content) encode(f transport.Format, next bool) []byte {
	r := c.reading
	data := readingData{
		Sub: r.Sub.String(), Version: r.Version, At: stamp(r.At), Due: stamp(r.Due), SourceAt: stamp(r.SourceAt),
		Status: r.Status, Reason: r.Reason, Error: r.Error, Since: stamp(r.Since), Circuit: r.Circuit, Note: r.Note,
	}
	switch {
	case next && r.Same && (f == transport.JSON || r.Page != nil): // without a page, the fragment says when the source is asked again
		data.Same = true
		if r.SameAge {
			data.SourceAt = stamp{}
		}
	case f == transport.HTML:
		data.HTML = c.html()
		data.Points = c.points(next)
	default:
		data.Page = r.Page
		data.Points = c.points(next)
	}
	b, err := marshal(data)
	if err != nil { // the scheduler has made every record fit for JSON
		c.d.log.Error("reading not encoded", "subscription", data.Sub, "err", err)
		return []byte("{}")
	}
	return b
}

// encodePage is the page alone.
func (c *content) encodePage() []byte {
	b, err := marshal(c.reading.Page)
	if err != nil { // likewise
		c.d.log.Error("page not encoded", "subscription", c.reading.Sub.String(), "err", err)
		return []byte("{}")
	}
	return b
}

// points are those of this reading for a client that has the one before, else those of the last hour.
func (c *content) points(next bool) map[string][]point {
	points := make(map[string][]point)
	if next {
		for name, v := range c.reading.Values {
			points[name] = []point{{c.reading.At, v}}
		}
		return points
	}
	for name, list := range c.history() {
		for _, p := range list {
			points[name] = append(points[name], point{p.At, p.Value})
		}
	}
	return points
}

func (c *content) history() map[string][]feeds.Point {
	return c.d.scheduler.History(c.reading.Sub, c.reading.At)
}

// html is the fragments of all looks that the subscription has on any dashboard.
func (c *content) html() string {
	var b bytes.Buffer
	var list []views.FragmentView
	history := c.history()
	for _, look := range c.d.looks.of(c.reading.Sub) {
		list = append(list, views.FragmentView{Look: look, About: c.d.abouts[c.reading.Sub.Feed], Reading: c.reading, History: history})
	}
	if err := views.RenderFragments(&b, list); err != nil {
		c.d.log.Error("reading not rendered", "subscription", c.reading.Sub.String(), "err", err)
	}
	return b.String()
}

// getReading answers with the newest reading of one subscription, from memory while it is younger than the interval.
func (d *Dashboard) getReading(w http.ResponseWriter, r *http.Request) {
	q, err := parseQuery(r.URL.RawQuery)
	if err != nil {
		d.refuse(w, r, err)
		return
	}
	subs, err := d.subscriptions(q)
	if err != nil {
		d.refuse(w, r, err)
		return
	}
	if len(subs) != 1 {
		d.refuse(w, r, refuse(http.StatusBadRequest, "%d subscriptions: want one, as sub=processes/-/1/10 or feed=processes&current=1&size=10", len(subs)))
		return
	}
	form, err := format(q)
	if err != nil {
		d.refuse(w, r, err)
		return
	}
	reading, err := d.scheduler.Newest(r.Context(), subs[0])
	if err != nil {
		d.refuse(w, r, err)
		return
	}
	d.revalidated(w)
	if reading.Version != 0 && notModified(w, r, fmt.Sprintf(`W/"%d-%d"`, reading.Version, form)) {
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(d.contentOf(reading).Encode(form, false)) // who went away needs no answer
	_, _ = io.WriteString(w, "\n")
}

// contentOf is what the hub has of r, encoded already where a stream has had it, or else its own.
func (d *Dashboard) contentOf(r feeds.Reading) *content {
	topic := r.Sub.String()
	updates, _ := d.hub.Snapshot([]string{topic})
	if u := updates[topic]; u != nil && u.Version == r.Version {
		return u.Content.(*content)
	}
	return newContent(d, r)
}
