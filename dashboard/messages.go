package dashboard

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/pulsewall/pulsewall/feeds"
	"github.com/pulsewall/pulsewall/transport"
)

// Bounds of a message.
const (
	mostData   = 8 << 10  // bytes of its data as JSON
	mostKey    = 64       // characters
	mostBody   = 64 << 10 // bytes of a request
	mostListed = 1000     // messages in one answer
	bodyWithin = 10 * time.Second
)

var errNoAddress = refuse(http.StatusBadRequest, `to is missing: want {"all":true}, {"room":"r"}, {"users":["7","8"]} or room and users`)

// draft is a message before it has its place in the order.
type draft struct {
	to      transport.Address
	data    json.RawMessage
	key     string
	from    transport.Sender
	session string
}

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
	if !d.senders.allow(m.scope()) {
		return receipt{}, refuse(http.StatusTooManyRequests, "more than %d messages a second from one sender", d.opts.Limits.MessagesPerSecond).after(time.Second)
	}
	key := m.key
	if key == "" {
		key = rand.Text()
	}
	scoped := m.scope() + "\x00" + key
	item, err := json.Marshal(transport.Message{Key: m.key, From: m.from, To: m.to, At: time.Now(), Data: m.data})
	if err != nil {
		return receipt{}, refuse(http.StatusBadRequest, "data is no JSON: %s", err)
	}
	seq, degraded, err := d.cluster.Append(ctx, scoped, item)
	if err != nil {
		return receipt{}, refuse(http.StatusServiceUnavailable, "the message could not be placed in the order: try again with the same key").after(time.Second)
	}
	id, ok := d.hub.First(scoped)
	if !ok { // so many came in between that it is no longer kept
		id = d.hub.ID(seq)
	}
	out := receipt{ID: id, Degraded: degraded}
	out.Online, out.Offline = d.found(m.to)
	return out, nil
}

func (m *draft) check() error {
	if len(m.data) == 0 {
		return refuse(http.StatusBadRequest, "data is missing: want any JSON of at most %d bytes", mostData)
	}
	if len(m.data) > mostData {
		return refuse(http.StatusRequestEntityTooLarge, "data has %d bytes: at most %d are allowed", len(m.data), mostData)
	}
	if n := len([]rune(m.key)); n > mostKey {
		return refuse(http.StatusBadRequest, "key %q has %d characters: at most %d are allowed", clip(m.key), n, mostKey)
	}
	return checkName(m.from.Name)
}

// scope is within what a key is recognised: the sender's unionId, else the session, else all anonymous together.
func (m *draft) scope() string {
	switch {
	case m.from.UnionID != "":
		return "u" + m.from.UnionID
	case m.session != "":
		return "s" + m.session
	default:
		return ""
	}
}

// found tells who of those a message is for is here.
func (d *Dashboard) found(to transport.Address) (online, offline any) {
	if len(to.Users) == 0 {
		if to.Room != "" {
			return d.hub.Room(to.Room).Connections, 0
		}
		return d.hub.Presence().Connections, 0
	}
	here, away := []string{}, []string{}
	for _, user := range to.Users {
		if d.hub.Online(user) {
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
	if err := http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyWithin)); err != nil {
		d.log.Debug("no read deadline", "err", err)
	}
	r.Body = http.MaxBytesReader(w, r.Body, mostBody)
	isForm := strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded")
	read := readJSON
	if isForm {
		read = readForm
	}
	m, err := read(r)
	if err != nil {
		d.refuse(w, r, err)
		return
	}
	receipt, err := d.send(r.Context(), m)
	if err != nil {
		d.refuse(w, r, err)
		return
	}
	if isForm {
		w.Header().Set("Cache-Control", "no-store")
		http.Redirect(w, r, backTo(r), http.StatusSeeOther) //nolint:gosec // backTo keeps the path alone, so it stays here
		return
	}
	writeJSON(w, http.StatusAccepted, receipt)
}

// readJSON reads {"to","data","key","unionId","name"}; the query may say who sends.
func readJSON(r *http.Request) (draft, error) {
	var body struct {
		To      json.RawMessage `json:"to"`
		Data    json.RawMessage `json:"data"`
		Key     string          `json:"key"`
		UnionID json.RawMessage `json:"unionId"`
		Name    *string         `json:"name"`
		Session string          `json:"session"`
	}
	dec := json.NewDecoder(r.Body)
	if err := dec.Decode(&body); err != nil {
		return draft{}, badBody(err)
	}
	q, err := parseQuery(r.URL.RawQuery)
	if err != nil {
		return draft{}, err
	}
	if id := bytes.Trim(body.UnionID, `"`); len(id) > 0 && string(id) != "null" {
		q.Set("unionId", string(id))
	}
	if body.Name != nil {
		q.Set("name", *body.Name)
	}
	m := draft{data: body.Data, key: body.Key, session: orOne(body.Session, q.Get("session"))}
	if m.from.UnionID, m.from.Name, err = who(q); err != nil {
		return draft{}, err
	}
	if len(body.To) == 0 {
		return draft{}, errNoAddress
	}
	return m, json.Unmarshal(body.To, &m.to)
}

func badBody(err error) error {
	if p := problem(err); p.Status == http.StatusRequestEntityTooLarge {
		return p
	}
	return refuse(http.StatusBadRequest, `the body is no JSON object (%s): want {"to":{"all":true},"data":"hello"}`, clip(err.Error()))
}

// readForm reads to, data, key, unionId and name of a form or the query. The data is text.
func readForm(r *http.Request) (draft, error) {
	if err := r.ParseForm(); err != nil {
		if p := problem(err); p.Status == http.StatusRequestEntityTooLarge {
			return draft{}, p
		}
		return draft{}, refuse(http.StatusBadRequest, "the form cannot be read: %s", clip(err.Error()))
	}
	m := draft{key: r.Form.Get("key"), session: r.Form.Get("session")}
	var err error
	if m.from.UnionID, m.from.Name, err = who(r.Form); err != nil {
		return draft{}, err
	}
	if text := r.Form.Get("data"); text != "" {
		if m.data, err = json.Marshal(strings.ToValidUTF8(text, "�")); err != nil {
			return draft{}, err
		}
	}
	if r.Form.Get("to") == "" {
		return draft{}, refuse(http.StatusBadRequest, "to is missing: want all, room:NAME or user:ID,ID")
	}
	m.to, err = transport.ParseAddress(r.Form.Get("to"))
	return m, err
}

// backTo is the page of this site that a form was sent from.
func backTo(r *http.Request) string {
	u, err := url.Parse(r.Referer())
	if err != nil || u.Path == "" || strings.HasPrefix(u.Path, "//") {
		return "/"
	}
	return (&url.URL{Path: u.Path, RawQuery: u.RawQuery}).String()
}

// getMessages lists kept messages, oldest first.
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
	list, next := d.hub.Messages(reader, q.Get("after"), limit)
	writeJSON(w, http.StatusOK, struct {
		Messages   []*transport.Message `json:"messages"`
		NextCursor string               `json:"nextCursor"`
	}{slices.Concat([]*transport.Message{}, list), next})
}

// senders bounds how fast each sender may send.
type senders struct {
	perSecond int
	mu        sync.Mutex
	limiters  map[string]*rate.Limiter // guarded by mu
}

func newSenders(perSecond int) *senders {
	return &senders{perSecond: perSecond, limiters: make(map[string]*rate.Limiter)}
}

// allow says whether the sender may send one more now.
func (s *senders) allow(scope string) bool {
	const most = 10_000 // limiters kept; one that is full is as good as a new one
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.limiters[scope]
	if l == nil {
		if len(s.limiters) >= most {
			for scope, l := range s.limiters {
				if l.Tokens() >= float64(l.Burst()) {
					delete(s.limiters, scope)
				}
			}
		}
		l = rate.NewLimiter(rate.Limit(s.perSecond), 2*s.perSecond)
		s.limiters[scope] = l
	}
	return l.Allow()
}
