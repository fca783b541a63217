package dashboard

import (
	"bytes"
	"context"
	"fmt"
	"hash/fnv"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/a-h/templ"
	"github.com/go-chi/chi/v5"

	"github.com/pulsewall/pulsewall/assets"
	"github.com/pulsewall/pulsewall/feeds"
	"github.com/pulsewall/pulsewall/transport"
	"github.com/pulsewall/pulsewall/views"
)

// frame is what every page has around its content; current names the board that is shown, or is chatPage or alertsPage.
func (d *Dashboard) frame(title, current string) views.Frame {
	f := views.Frame{Title: title, Assets: assets.URL, Node: d.opts.Node, Version: d.opts.Version}
	for _, b := range d.boards {
		f.Nav = append(f.Nav, views.Link{Title: b.Title, Href: "/d/" + b.Name, Current: b.Name == current})
	}
	if d.alerts != nil {
		f.Nav = append(f.Nav, views.Link{Title: views.English.Alerts, Href: alertsPage, Current: current == alertsPage, IsAlerts: true})
	}
	f.Nav = append(f.Nav, views.Link{Title: views.English.Chat, Href: chatPage, Current: current == chatPage})
	return f
}

// render writes a page, once all of it is there.
func (d *Dashboard) render(w http.ResponseWriter, r *http.Request, status int, page templ.Component) {
	var b bytes.Buffer
	if err := page.Render(r.Context(), &b); err != nil {
		d.refuseProgram(w, r, fmt.Errorf("render: %w", err)) // a page that says so might fail too
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // who went away needs no answer
}

// indexRefresh is how often browsers without scripts load the list of dashboards again.
const indexRefresh = 30 * time.Second

// getIndex lists the dashboards.
func (d *Dashboard) getIndex(w http.ResponseWriter, r *http.Request) {
	viewer := &visit{}
	if p := signedInAs(r.Context()); p != nil {
		viewer.unionID = p.UnionID
	}
	_, cursor := d.hub.Snapshot(nil) // first: a notice that comes in between is on the page and comes again, and the script knows it by its id
	v := views.IndexView{PageView: d.livePage(d.frame("Dashboards", ""), viewer)}
	v.Refresh, v.Cursor = indexRefresh, cursor
	for _, b := range d.boards {
		card := views.Card{Title: b.Title, Href: "/d/" + b.Name}
		for _, p := range b.panels {
			card.Panels = append(card.Panels, p.Title)
			card.Simulated = card.Simulated || p.about.Simulated
		}
		v.Dashboards = append(v.Dashboards, card)
	}
	d.revalidated(w)
	if notModified(w, r, d.tag("index", v.Nav, v.UnionID, v.Users, v.Connections, v.Degraded, messageIDs(v.Notices.Messages), v.Notices.Earlier)) {
		return
	}
	d.render(w, r, http.StatusOK, views.Index(v))
}

// visit is one request for a dashboard.
type visit struct {
	*board
	unionID string
	node    string               // whose machine it is about; empty: this one's
	subs    []feeds.Subscription // by panel
}

// getBoard shows a dashboard with its newest readings, and the cursor of exactly those.
func (d *Dashboard) getBoard(w http.ResponseWriter, r *http.Request) {
	b := d.board(chi.URLParam(r, "dashboard"))
	if b == nil {
		d.refuse(w, r, refuse(http.StatusNotFound, "dashboard %q: there are %s", clip(chi.URLParam(r, "dashboard")), d.boardNames()))
		return
	}
	v, err := d.visit(b, r.URL.RawQuery)
	if err != nil {
		d.refuse(w, r, err)
		return
	}
	newest, err := d.newest(r.Context(), v.subs)
	if err != nil {
		d.refuse(w, r, err)
		return
	}
	page := d.page(v, newest)
	d.revalidated(w)
	if notModified(w, r, d.pageTag(page)) {
		return
	}
	d.render(w, r, http.StatusOK, views.Page(page))
}

func (d *Dashboard) boardNames() string {
	names := make([]string, len(d.boards))
	for i, b := range d.boards {
		names[i] = b.Name
	}
	return strings.Join(names, ", ")
}

// livePage is what every live page has. The clock is last: what the page shows is not newer than it says.
func (d *Dashboard) livePage(f views.Frame, v *visit) views.PageView {
	online := d.hub.Presence()
	query := v.liveQuery()
	if d.alerts != nil {
		query += "&room=" + alertsRoom
		f.Nav = d.withRaised(f.Nav, v.unionID)
	}
	return views.PageView{
		Frame: f, UnionID: v.unionID, Node: v.node, Query: query,
		Users: online.Users, Connections: online.Connections, Degraded: online.Degraded, Notices: d.notices(v.unionID), Now: time.Now(),
	}
}

// visit reads unionId, node, p.{panel} and s.{panel}; current and size are short for the first table's.
func (d *Dashboard) visit(b *board, rawQuery string) (*visit, error) {
	q, err := parseQuery(rawQuery)
	if err != nil {
		return nil, err
	}
	v := &visit{board: b}
	if v.unionID, err = feeds.ParseUnionID(q.Get("unionId")); err != nil {
		return nil, err
	}
	if v.node = q.Get("node"); v.node != "" && !transport.ValidName(v.node) {
		return nil, refuse(http.StatusBadRequest, "node %q: allowed are 1–64 of A–Z a–z 0–9 . _ -", clip(v.node))
	}
	for key := range q {
		if kind, name, ok := strings.Cut(key, "."); ok && (kind == "p" || kind == "s") && b.panel(name) == nil {
			return nil, refuse(http.StatusBadRequest, "%q: dashboard %s has the panels %s", clip(key), b.Name, b.panelNames())
		}
	}
	shortFor := slices.IndexFunc(b.panels, func(p *panel) bool { return p.isTable })
	for i, p := range b.panels {
		sub := p.sub
		sub.UnionID = v.unionID
		if v.node != "" && p.ofAnyNode() {
			sub.Node = v.node
		}
		current, size := "p."+p.Name, "s."+p.Name
		if i == shortFor {
			current, size = eitherKey(q, current, "current"), eitherKey(q, size, "size")
		}
		if sub.Current, err = number(q, current, 1, feeds.MaxCurrent); err != nil {
			return nil, err
		}
		if sub.Size, err = number(q, size, p.sub.Size, feeds.MaxSize); err != nil {
			return nil, err
		}
		if sub, err = d.resolve(sub); err != nil {
			return nil, err
		}
		v.subs = append(v.subs, sub)
	}
	return v, nil
}

func (b *board) panelNames() string {
	names := make([]string, len(b.panels))
	for i, p := range b.panels {
		names[i] = p.Name
	}
	return strings.Join(names, ", ")
}

func eitherKey(q url.Values, long, short string) string {
	if q.Has(long) {
		return long
	}
	return short
}

// newest returns the newest readings, having waited for first ones a little, and keeps them wanted.
func (d *Dashboard) newest(ctx context.Context, subs []feeds.Subscription) ([]feeds.Reading, error) {
	readings := make([]feeds.Reading, len(subs))
	errs := make([]error, len(subs))
	var wg sync.WaitGroup
	for i, sub := range subs {
		wg.Go(func() { readings[i], errs[i] = d.scheduler.Newest(ctx, sub) })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return readings, nil
}

// page puts together what is shown. Readings come from one snapshot of the hub, like the cursor, so that nothing is missing or
// twice between the page and its stream.
func (d *Dashboard) page(v *visit, newest []feeds.Reading) views.PageView {
	d.forgetOld(v.subs)
	updates, cursor := d.hub.Snapshot(topics(v.subs))
	page := d.livePage(d.frame(v.Title, v.Name), v)
	page.PerUser, page.Cursor = v.perUser && d.opts.Auth == nil, cursor // with a token there is nobody else to be
	if !d.alone && slices.ContainsFunc(v.panels, func(p *panel) bool { return p.ofAnyNode() && p.sub.Feed != nodesName }) {
		page.Nodes = d.livingNodes()
		if v.node != "" && !slices.Contains(page.Nodes, v.node) {
			page.Nodes = append(page.Nodes, v.node)
		}
	}
	for i, p := range v.panels {
		reading := newest[i]
		if u := updates[v.subs[i].String()]; u != nil {
			reading = u.Content.(*content).reading
		}
		interval := d.scheduler.Interval(v.subs[i])
		if page.Refresh == 0 || interval < page.Refresh {
			page.Refresh = interval
		}
		page.Panels = append(page.Panels, views.PanelView{
			Fragment: views.FragmentView{
				Look: p.look, About: p.about, Reading: reading, History: d.scheduler.History(v.subs[i], reading.At),
				PageHref: func(current int) string { return v.href(p, strconv.Itoa(current)) },
			},
			Name: p.Name, Title: p.Title, Wide: p.Wide, Follows: !d.alone && v.node == "" && p.ofAnyNode(),
		})
	}
	return page
}

// liveQuery is the query of the live address, less the subscriptions.
func (v *visit) liveQuery() string {
	if v.unionID == "" {
		return "presence=1"
	}
	return "presence=1&unionId=" + v.unionID
}

// href is this dashboard with one panel on another page of its records.
func (v *visit) href(turned *panel, current string) string {
	var q []string
	if v.unionID != "" {
		q = append(q, "unionId="+v.unionID)
	}
	if v.node != "" {
		q = append(q, "node="+v.node)
	}
	for i, p := range v.panels {
		at := strconv.Itoa(v.subs[i].Current)
		if p == turned {
			at = current
		}
		if at != "1" || p == turned {
			q = append(q, "p."+p.Name+"="+at)
		}
		if v.subs[i].Size != p.sub.Size {
			q = append(q, "s."+p.Name+"="+strconv.Itoa(v.subs[i].Size))
		}
	}
	return "/d/" + v.Name + "?" + strings.Join(q, "&")
}

// pageTag is the ETag of a page: over the readings and every age and state as shown.
func (d *Dashboard) pageTag(page views.PageView) string {
	shown := []any{page.Nav, page.UnionID, page.Node, page.Nodes, page.Users, page.Connections, page.Degraded, messageIDs(page.Notices.Messages), page.Notices.Earlier}
	for _, p := range page.Panels {
		r := p.Fragment.Reading
		shown = append(shown, r.Sub, r.Version, r.Status, views.Fresh(r, page.Now))
	}
	return d.tag(shown...)
}

// tag is an ETag over what is shown by this start of this program. It is weak: the page says when it was made, and may come
// compressed (RFC 9110, 8.8.1).
func (d *Dashboard) tag(shown ...any) string {
	h := fnv.New128a()
	fmt.Fprintf(h, "%s %d", d.opts.Node, d.started.UnixNano())
	for _, v := range shown {
		fmt.Fprintf(h, "\x00%v", v)
	}
	return fmt.Sprintf(`W/"%x"`, h.Sum(nil))
}

// notModified sets the ETag and answers 304 when the client has this version (RFC 9110, 13.1.2).
func notModified(w http.ResponseWriter, r *http.Request, etag string) bool {
	w.Header().Set("ETag", etag)
	for candidate := range strings.SplitSeq(r.Header.Get("If-None-Match"), ",") {
		candidate = strings.TrimSpace(candidate)
		if strings.TrimPrefix(candidate, "W/") == strings.TrimPrefix(etag, "W/") || candidate == "*" {
			w.WriteHeader(http.StatusNotModified)
			return true
		}
	}
	return false
}
