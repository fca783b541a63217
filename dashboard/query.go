package dashboard

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/pulsewall/pulsewall/feeds"
	"github.com/pulsewall/pulsewall/transport"
)

// Bounds of what one session may ask for.
const (
	mostSubscriptions = 50
	mostRooms         = 50
	mostName          = 64 // characters
	mostQuery         = 16 << 10
	longestWait       = 25 * time.Second
)

// parseQuery reads a query. A ';' is no separator (WHATWG URL): it stands in subscriptions.
func parseQuery(raw string) (url.Values, error) {
	if len(raw) > mostQuery {
		return nil, refuse(http.StatusBadRequest, "the query has %d bytes: at most %d are allowed", len(raw), mostQuery)
	}
	q := make(url.Values)
	for pair := range strings.SplitSeq(raw, "&") {
		if pair == "" {
			continue
		}
		key, value, _ := strings.Cut(pair, "=")
		k, err1 := url.QueryUnescape(key)
		v, err2 := url.QueryUnescape(value)
		if err1 != nil || err2 != nil || !utf8.ValidString(k) || !utf8.ValidString(v) {
			return nil, refuse(http.StatusBadRequest, "query parameter %q: want percent-encoded UTF-8", clip(pair))
		}
		q.Add(k, v)
	}
	return q, nil
}

// wish is what a live query asks for, the same on every transport.
type wish struct {
	transport.Opening
	query url.Values
	subs  []feeds.Subscription
	wait  time.Duration // of a long poll
}

// as takes over who the client is by Admit.
func (o *wish) as(d *Dashboard, v *Visit) (err error) {
	if v.UnionID != o.UnionID {
		o.query.Set("unionId", v.UnionID)
		if o.subs, err = d.subscriptions(o.query); err != nil {
			return err
		}
		o.Topics = topics(o.subs)
	}
	o.UnionID, o.Name = v.UnionID, v.Name
	return nil
}

// wish reads the live query.
func (d *Dashboard) wish(r *http.Request) (*wish, error) {
	q, err := parseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, err
	}
	o := &wish{query: q}
	if o.UnionID, o.Name, err = who(r.Context(), q); err != nil {
		return nil, err
	}
	if o.subs, err = d.subscriptions(q); err != nil {
		return nil, err
	}
	o.Topics = topics(o.subs)
	if o.Rooms, err = rooms(q); err != nil {
		return nil, err
	}
	if o.Presence, err = flag(q, "presence"); err != nil {
		return nil, err
	}
	if o.Format, err = format(q); err != nil {
		return nil, err
	}
	if o.Session = q.Get("session"); o.Session != "" && !transport.ValidName(o.Session) {
		return nil, badSession(o.Session)
	}
	o.After, o.LastEventID = q.Get("after"), r.Header.Get("Last-Event-ID")
	o.wait, err = wait(q)
	return o, err
}

func badSession(session string) *Problem {
	return refuse(http.StatusBadRequest, "session %q: want the session of an earlier hello", clip(session))
}

func topics(subs []feeds.Subscription) []string {
	list := make([]string, len(subs))
	for i, sub := range subs {
		list[i] = sub.String()
	}
	return list
}

// format reads how readings are wanted.
func format(q url.Values) (transport.Format, error) {
	switch f := q.Get("format"); f {
	case "", "json":
		return transport.JSON, nil
	case "html":
		return transport.HTML, nil
	default:
		return 0, refuse(http.StatusBadRequest, "format %q: allowed are json and html", clip(f))
	}
}

// who reads who the sender or viewer says it is. What a token says of it stands.
func who(ctx context.Context, q url.Values) (unionID, name string, err error) {
	if unionID, err = feeds.ParseUnionID(q.Get("unionId")); err != nil {
		return "", "", err
	}
	if p := signedInAs(ctx); p != nil {
		return p.UnionID, p.Name, p.is(unionID)
	}
	if name = q.Get("name"); !visible(name) {
		name = ""
	}
	return unionID, name, checkName(name)
}

// visible says whether there is something to see of a name. Spaces and marks without a width alone are none.
func visible(name string) bool {
	return strings.ContainsFunc(name, func(r rune) bool { return unicode.IsGraphic(r) && !unicode.IsSpace(r) })
}

func checkName(name string) error {
	if n := utf8.RuneCountInString(name); n > mostName || !utf8.ValidString(name) {
		return refuse(http.StatusBadRequest, "name %q has %d characters: at most %d are allowed", clip(name), n, mostName)
	}
	return nil
}

// subscriptions reads every sub=, or the short feed=&current=&size=, and returns the distinct canonical ones in the order of the query.
func (d *Dashboard) subscriptions(q url.Values) ([]feeds.Subscription, error) {
	texts := slices.Clone(q["sub"])
	if q.Has("feed") {
		short := q.Get("feed")
		if strings.ContainsAny(short, "/;") {
			return nil, refuse(http.StatusBadRequest, "feed %q: want the name of a feed; a whole subscription goes into sub=", clip(short))
		}
		texts = append(texts, short+"/-/"+q.Get("current")+"/"+q.Get("size"))
	} else if len(texts) == 0 && (q.Has("current") || q.Has("size")) {
		return nil, refuse(http.StatusBadRequest, "current and size belong to feed=, which is missing")
	}
	if len(texts) > mostSubscriptions {
		return nil, refuse(http.StatusBadRequest, "%d subscriptions: at most %d are allowed in a session", len(texts), mostSubscriptions)
	}
	unionID, err := feeds.ParseUnionID(q.Get("unionId"))
	if err != nil {
		return nil, err
	}
	var subs []feeds.Subscription
	for _, text := range texts {
		sub, err := d.subscription(text, unionID)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(subs, sub) {
			subs = append(subs, sub)
		}
	}
	return subs, nil
}

// subscription reads one and makes it canonical; unionID is taken where it names none.
func (d *Dashboard) subscription(text, unionID string) (feeds.Subscription, error) {
	sub, err := feeds.ParseSubscription(text)
	if err != nil {
		return sub, err
	}
	if sub.UnionID == "" {
		sub.UnionID = unionID
	}
	return d.resolve(sub)
}

// resolve makes a subscription canonical. On a node alone, its own name goes without saying.
func (d *Dashboard) resolve(sub feeds.Subscription) (feeds.Subscription, error) {
	if d.alone && sub.Node == d.opts.Node {
		sub.Node = ""
	}
	if d.alone && sub.Node != "" && d.abouts[sub.Feed].PerNode {
		return sub, refuse(http.StatusNotFound, "node %q: this is node %q, and it is alone", clip(sub.Node), d.opts.Node)
	}
	return d.scheduler.Resolve(sub)
}

func rooms(q url.Values) ([]string, error) {
	if n := len(q["room"]); n > mostRooms {
		return nil, refuse(http.StatusBadRequest, "%d rooms: at most %d are allowed in a session", n, mostRooms)
	}
	var list []string
	for _, room := range q["room"] {
		if !transport.ValidName(room) {
			return nil, badRoom(room)
		}
		if !slices.Contains(list, room) {
			list = append(list, room)
		}
	}
	return list, nil
}

func badRoom(room string) *Problem {
	return refuse(http.StatusBadRequest, "room %q: allowed are 1–64 of A–Z a–z 0–9 . _ -", clip(room))
}

func flag(q url.Values, name string) (bool, error) {
	switch v := q.Get(name); v {
	case "1", "true":
		return true, nil
	case "", "0", "false":
		return false, nil
	default:
		return false, refuse(http.StatusBadRequest, "%s %q: allowed are 0 and 1", name, clip(v))
	}
}

// wait reads how long a long poll may wait.
func wait(q url.Values) (time.Duration, error) {
	if q.Get("wait") == "" {
		return longestWait, nil
	}
	seconds, err := strconv.ParseFloat(q.Get("wait"), 64)
	if err != nil || !(seconds >= 0 && seconds <= longestWait.Seconds()) {
		return 0, refuse(http.StatusBadRequest, "wait %q: allowed are 0 to 25 seconds", clip(q.Get("wait")))
	}
	return time.Duration(seconds * float64(time.Second)), nil
}

// number reads an integer of the query between bounds.
func number(q url.Values, name string, unset, most int) (int, error) {
	if q.Get(name) == "" {
		return unset, nil
	}
	n, err := strconv.Atoi(q.Get(name))
	if err != nil || n < 1 || n > most {
		return 0, refuse(http.StatusBadRequest, "%s %q: allowed are 1 to %d", name, clip(q.Get(name)), most)
	}
	return n, nil
}

// clip shortens what a client sent for an error text.
func clip(s string) string {
	const most = 80
	if len(s) > most {
		s = s[:most] + "…"
	}
	return strings.ToValidUTF8(s, "�")
}
