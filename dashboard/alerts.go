package dashboard

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/pulsewall/pulsewall/alerts"
	"github.com/pulsewall/pulsewall/cluster"
	"github.com/pulsewall/pulsewall/feeds"
	"github.com/pulsewall/pulsewall/history"
	"github.com/pulsewall/pulsewall/transport"
)

const (
	alertsRoom = "alerts"
	// strangerFor is how long after it joined a node may not know all others yet.
	strangerFor = 15 * time.Second
)

// alertBook is this node's part in the alerts.
type alertBook struct {
	*alerts.Engine
	judged map[alerts.Source]bool // what is judged, on this node or, of the machines, on any
}

// takeAlerts pins what is judged for alerts and makes the engine. Without such feeds there is none.
func (d *Dashboard) takeAlerts() error {
	subs := d.scheduler.Alerting()
	if len(subs) == 0 {
		return nil
	}
	book := &alertBook{judged: make(map[alerts.Source]bool)}
	for _, sub := range subs {
		book.judged[alerts.Source{Feed: sub.Feed, UnionID: sub.UnionID}] = true
		sub, err := d.scheduler.Resolve(sub)
		if err == nil {
			err = d.scheduler.Pin(sub)
		}
		if err != nil {
			return fmt.Errorf("alerts of feed %s: %w", sub.Feed, err)
		}
	}
	d.alerts = book
	var err error
	book.Engine, err = alerts.New(d.alertStore(), alerts.Options{
		Self: d.incarnation(), Lives: d.lives, Judged: d.isJudged, Post: d.postAlert, Notifiers: d.opts.Notifiers, Logger: d.log,
	})
	return err
}

// incarnation is this process as the others know it.
func (d *Dashboard) incarnation() string {
	for _, n := range d.cluster.Nodes() {
		if n.Self {
			return n.Incarnation
		}
	}
	return d.opts.Node
}

// lives says whether a process of the cluster still runs. One that this node has not heard of may be one that it has yet to hear of.
func (d *Dashboard) lives(process string) bool {
	for _, n := range d.cluster.Nodes() {
		if n.Incarnation == process {
			return !n.Gone
		}
	}
	return !d.alone && time.Since(d.cluster.State().Since) < strangerFor
}

// isJudged says whether some node judges a source.
func (d *Dashboard) isJudged(s alerts.Source) bool {
	if !d.alerts.judged[alerts.Source{Feed: s.Feed, UnionID: s.UnionID}] {
		return false
	}
	if s.Node == "" || s.Node == d.opts.Node {
		return true
	}
	_, alive := member{d}.Knows(s.Node)
	return alive
}

// judged hands a verdict of the scheduler to the engine.
func (d *Dashboard) judged(v feeds.Verdict) {
	if d.alerts == nil {
		return
	}
	out := alerts.Verdict{
		Source:  alerts.Source{Feed: v.Sub.Feed, Node: v.Sub.Node, UnionID: v.Sub.UnionID},
		Version: v.Version, At: v.At, Value: v.Value, Beyond: make([]alerts.Finding, len(v.Beyond)),
	}
	for i, f := range v.Beyond {
		out.Beyond[i] = alerts.Finding{
			Record: f.Record, Label: f.Label, Field: f.Field, Value: f.Value, Bound: f.Bound, Below: f.Below, Unit: f.Unit,
			State: alerts.State(f.State), Since: f.Since,
		}
	}
	d.alerts.Judge(out)
}

// alertMessage is what the room is told. Text is for people.
type alertMessage struct {
	Text   string        `json:"text"`
	ID     string        `json:"id"`
	Change alerts.Change `json:"change"`
	Alert  alerts.Alert  `json:"alert"`
}

// postAlert posts an event to the room. The key lets it come once, whoever posts it and how often. An alert of one user's records is for
// that user alone.
func (d *Dashboard) postAlert(ctx context.Context, e alerts.Event) error {
	to := transport.Address{Room: alertsRoom}
	if e.Alert.UnionID != "" {
		to.Users = []string{e.Alert.UnionID}
	}
	data, err := marshal(alertMessage{Text: e.Text(), ID: e.ID, Change: e.Change, Alert: e.Alert})
	if err != nil {
		return alerts.Permanent(err)
	}
	item, err := marshal(transport.Message{Key: e.ID, From: transport.Sender{Name: alertsRoom}, To: to, At: e.Time, Data: data})
	if err != nil {
		return alerts.Permanent(err)
	}
	at, err := d.cluster.Append(ctx, alertsRoom+"\x00"+e.ID, item)
	switch {
	case errors.Is(err, cluster.ErrTooLarge):
		return alerts.Permanent(err)
	case err != nil:
		return err
	case at.Alone():
		return alerts.ErrAlone // once more when others hear it, who have not yet
	}
	return nil
}

// alertStore is where alerts are kept: with the nodes of a cluster, else in the file of the history, else in memory.
func (d *Dashboard) alertStore() alerts.Store {
	if d.alone && d.opts.History != nil {
		return keptAlerts{d.opts.History}
	}
	return sharedAlerts{d.cluster}
}

type keptAlerts struct{ store *history.Store }

func (k keptAlerts) All(context.Context) (map[string][]byte, error) { return k.store.Alerts() }

func (k keptAlerts) Swap(_ context.Context, key string, old, next []byte) ([]byte, error) {
	return k.store.SwapAlert(key, old, next)
}

type sharedAlerts struct{ cluster cluster.Cluster }

func (s sharedAlerts) All(ctx context.Context) (map[string][]byte, error) {
	all, err := s.cluster.Alerts(ctx)
	return all, aloneOr(err)
}

func (s sharedAlerts) Swap(ctx context.Context, key string, old, next []byte) ([]byte, error) {
	now, err := s.cluster.SwapAlert(ctx, key, old, next)
	return now, aloneOr(err)
}

func aloneOr(err error) error {
	if errors.Is(err, cluster.ErrAlone) {
		return alerts.ErrAlone
	}
	return err
}

// collectAlerts counts what is raised, and who was told.
func (g *gauges) collectAlerts(gauge func(*prometheus.Desc, float64, ...string), counter func(*prometheus.Desc, uint64, ...string)) {
	raised := map[alerts.State]int{alerts.Warn: 0, alerts.Crit: 0}
	list, _ := g.d.alerts.Alerts()
	for _, a := range list {
		if a.Cleared.IsZero() {
			raised[a.State]++
		}
	}
	for state, n := range raised {
		gauge(descAlerts, float64(n), string(state))
	}
	for to, told := range g.d.alerts.Told() {
		counter(descNotices, told.Done, to, "told")
		counter(descNotices, told.Failed, to, "failed")
		counter(descNotices, told.GivenUp, to, "given_up")
	}
}
