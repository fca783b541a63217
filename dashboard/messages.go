package dashboard

import (
	"cmp"
	"context"
	"crypto/rand"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/pulsewall/pulsewall/feeds"
	"github.com/pulsewall/pulsewall/transport"
)

// Bounds of one answer of GET /api/messages.
const (
	mostListed      = 1000
	mostListedBytes = 1 << 20 // of data; a single message may be more
)

// receipt answers a message that has its place. Online and Offline are unionIds of a message to users, else counts.
type receipt struct {
	ID       string `json:"id"`
	Online   any    `json:"online"`
	Offline  any    `json:"offline"`
	Degraded bool   `json:"degraded"`
}

// send checks a message and appends it to the cluster's log.
func (d *Dashboard) send(ctx context.Context, m draft) (receipt, error) {
	if err := m.check(); err != nil {
		return receipt{}, err
	}
	if m.to.Room == alertsRoom && d.alerts != nil {
		return receipt{}, refuse(http.StatusForbidden, "room %q: only the server writes there, of alerts; any other room is allowed", alertsRoom)
	}
	if p := signedInAs(ctx); p != nil && m.from.UnionID != p.UnionID {
		return receipt{}, p.is(cmp.Or(m.from.UnionID, "-"))
	}
	if err := d.mayNow(m); err != nil {
		return receipt{}, err
	}
	key := m.key
	if key == "" {
		key = rand.Text()
	}
	scoped := m.scope() + "\x00" + key
	item, err := marshal(transport.Message{Key: m.key, From: m.from, To: m.to, At: time.Now(), Data: m.data})
	if err != nil {
		return receipt{}, refuse(http.StatusBadRequest, "data is no JSON: %s", clip(err.Error()))
	}
	at, err := d.cluster.Append(ctx, scoped, item)
	if err != nil {
		d.log.Debug("message not placed", "err", err) // the sender is told, and the cluster logs why
		return receipt{}, refuse(http.StatusServiceUnavailable, "the message could not be placed in the order: try again with the same key").after(time.Second)
	}
	first, ok := d.hub.First(scoped)
	if !ok { // so many came in between that it is no longer kept
		first = transport.Position(at)
	}
	out := receipt{ID: first.ID(), Degraded: first.Alone()}
	out.Online, out.Offline = d.found(ctx, m.to)
	return out, nil
}

// mayNow refuses what comes too fast.
func (d *Dashboard) mayNow(m draft) error {
	sender, most := m.scope(), d.opts.Limits.MessagesPerSecond
	if sender == "" && m.addr.IsValid() {
		sender = "a" + m.addr.String()
	}
	if !d.senders.allow(sender) {
		return refuse(http.StatusTooManyRequests, "too many messages from one sender: %d a second are allowed", most).after(time.Second)
	}
	if m.addr.IsValid() && !d.addresses.allow(m.addr.String()) {
		return refuse(http.StatusTooManyRequests, "too many messages from %s: %d a second are allowed from one address", m.addr, sendersPerAddr*most).after(time.Second)
	}
	return nil
}

// found tells who of those a message is for is here.
func (d *Dashboard) found(ctx context.Context, to transport.Address) (online, offline any) {
	if len(to.Users) == 0 {
		if to.Room != "" {
			return d.hub.Room(to.Room).Connections, 0
		}
		return d.hub.Presence().Connections, 0
	}
	connected := d.hub.Online(ctx, to.Users)
	here, away := []string{}, []string{}
	for _, user := range to.Users {
		if slices.Contains(connected, user) {
			here = append(here, user)
		} else {
			away = append(away, user)
		}
	}
	return here, away
}

// postMessage takes a message as JSON, or as a form of a page without scripts, which is sent back to where it came from.
func (d *Dashboard) postMessage(w http.ResponseWriter, r *http.Request) {
	if err := d.checkOrigin(r); err != nil {
		d.refuse(w, r, err)
		return
	}
	read := readJSON
	if isForm(r) {
		read = readForm
	}
	m, err := read(r)
	if err != nil {
		d.refuse(w, r, err)
		return
	}
	bodyRead(w)
	m.addr = d.clientAddr(r)
	receipt, err := d.send(r.Context(), m)
	if err != nil {
		d.refuse(w, r, err)
		return
	}
	if isForm(r) {
		w.Header().Set("Cache-Control", "no-store")
		http.Redirect(w, r, d.backTo(r), http.StatusSeeOther)
		return
	}
	writeJSON(w, http.StatusAccepted, receipt)
}

// backTo is the page of this site that a form was sent from. Behind a proxy that changes Host it is known by its configured origin,
// unless the browser says that this is another site's.
func (d *Dashboard) backTo(r *http.Request) string {
	u, err := url.Parse(r.Referer())
	if err != nil || !strings.HasPrefix(u.Path, "/") || strings.HasPrefix(u.Path, "//") {
		return "/"
	}
	site := r.Header.Get("Sec-Fetch-Site")
	if other := site != "" && site != "same-origin"; !d.isSame(r, u) && (other || !d.origins[canonicalOrigin(u)]) {
		return "/"
	}
	return (&url.URL{Path: u.Path, RawQuery: u.RawQuery}).String()
}

// getMessages lists kept messages, oldest first. Where some may be missing after the cursor, it says so.
func (d *Dashboard) getMessages(w http.ResponseWriter, r *http.Request) {
	q, err := parseQuery(r.URL.RawQuery)
	if err != nil {
		d.refuse(w, r, err)
		return
	}
	var reader transport.Reader
	if reader.UnionID, err = feeds.ParseUnionID(q.Get("unionId")); err != nil {
		d.refuse(w, r, err)
		return
	}
	if reader.Rooms, err = rooms(q); err != nil {
		d.refuse(w, r, err)
		return
	}
	limit, err := number(q, "limit", 100, mostListed)
	if err != nil {
		d.refuse(w, r, err)
		return
	}
	list, next, reset := d.hub.Messages(r.Context(), reader, q.Get("after"), limit)
	if n := fitting(list); n < len(list) {
		list, next = list[:n], list[n-1].ID
	}
	if list == nil {
		list = []*transport.Message{}
	}
	writeJSON(w, http.StatusOK, struct {
		Messages   []*transport.Message `json:"messages"`
		NextCursor string               `json:"nextCursor"`
		Reset      string               `json:"reset,omitempty"`
	}{list, next, reset})
}

// fitting is how many of the messages go into one answer: at least one.
func fitting(list []*transport.Message) int {
	size := 0
	for i, m := range list {
		if size += len(m.Data); size > mostListedBytes && i > 0 {
			return i
		}
	}
	return len(list)
}
