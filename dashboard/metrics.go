package dashboard

import (
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/pulsewall/pulsewall/feeds"
	"github.com/pulsewall/pulsewall/transport"
)

// metrics are what Prometheus scrapes; docs/operating.md lists them.
type metrics struct {
	http.Handler
	registry *prometheus.Registry
	polls    *prometheus.CounterVec
	duration *prometheus.HistogramVec
	refused  *prometheus.CounterVec
	texts    *prometheus.CounterVec

	mu     sync.Mutex
	newest map[feeds.Subscription]time.Time // guarded by mu: when its newest good records were read
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		polls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pulsewall_polls_total", Help: "Polls made, by feed and outcome (ok, stale, error).",
		}, []string{"feed", "outcome"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "pulsewall_poll_seconds", Help: "How long polls took.", Buckets: prometheus.ExponentialBuckets(0.001, 4, 8),
		}, []string{"feed"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pulsewall_refused_total", Help: "Requests refused, by status.",
		}, []string{"status"}),
		texts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pulsewall_older_texts_total", Help: "What older clients sent, by address and outcome (ok, error).",
		}, []string{"address", "outcome"}),
		newest: make(map[feeds.Subscription]time.Time),
	}
	m.registry.MustRegister(m.polls, m.duration, m.refused, m.texts, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.Handler = promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
	return m
}

// polled counts one poll.
func (m *metrics) polled(feed string, took time.Duration, status feeds.Status) {
	m.polls.WithLabelValues(feed, string(status)).Inc()
	m.duration.WithLabelValues(feed).Observe(took.Seconds())
}

// said counts one text of an older client.
func (m *metrics) said(address string, ok bool) {
	m.texts.WithLabelValues(address, map[bool]string{true: "ok", false: "error"}[ok]).Inc()
}

// read notes how fresh a subscription is.
func (m *metrics) read(r feeds.Reading) {
	if r.At.IsZero() {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.newest[r.Sub] = r.At
}

// forget leaves out what nobody wants: that it ages is no news.
func (m *metrics) forget(sub feeds.Subscription) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.newest, sub)
}

// byFeed is when the newest good records of each feed were read.
func (m *metrics) byFeed() map[string]time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	newest := make(map[string]time.Time)
	for sub, at := range m.newest {
		if at.After(newest[sub.Feed]) {
			newest[sub.Feed] = at
		}
	}
	return newest
}

// watch adds what is read off the dashboard at each scrape.
func (m *metrics) watch(d *Dashboard) { m.registry.MustRegister(&gauges{d}) }

// gauges reads the state of a dashboard.
type gauges struct{ d *Dashboard }

var (
	descSessions   = prometheus.NewDesc("pulsewall_sessions", "Open streams and waiting polls.", []string{"transport"}, nil)
	descDeliveries = prometheus.NewDesc("pulsewall_deliveries_total", "Events written to clients.", []string{"transport"}, nil)
	descBytes      = prometheus.NewDesc("pulsewall_bytes_total", "Bytes written to clients.", []string{"transport"}, nil)
	descSlow       = prometheus.NewDesc("pulsewall_slow_closes_total", "Streams ended because the client took nothing.", nil, nil)
	descResets     = prometheus.NewDesc("pulsewall_resets_total", "Clients told that messages may be missing.", nil, nil)
	descKept       = prometheus.NewDesc("pulsewall_messages_kept", "Messages that can still be read.", nil, nil)
	descUsers      = prometheus.NewDesc("pulsewall_users", "Distinct users online.", nil, nil)
	descOnline     = prometheus.NewDesc("pulsewall_connections", "Clients online, each counted once.", nil, nil)
	descWanted     = prometheus.NewDesc("pulsewall_polls_wanted", "Distinct polls that are wanted now.", nil, nil)
	descAge        = prometheus.NewDesc("pulsewall_data_age_seconds", "Age of the newest good reading of a feed that is wanted.", []string{"feed"}, nil)
	descCircuit    = prometheus.NewDesc("pulsewall_feed_circuit_open", "Polls of a feed that is asked less often because it failed too often in a row.", []string{"feed"}, nil)
	descClients    = prometheus.NewDesc("pulsewall_clients", "Clients of this node, each counted once, pollers where they were answered last.", []string{"transport"}, nil)
	descNodes      = prometheus.NewDesc("pulsewall_nodes", "Nodes by state, as this one sees them.", []string{"state"}, nil)
	descRoundTrip  = prometheus.NewDesc("pulsewall_cluster_round_trip_seconds", "How long the last sign of life to the cluster took.", nil, nil)
	descChannels   = prometheus.NewDesc("pulsewall_channel_ends", "Ends of channels that are connected here.", nil, nil)
	descPassed     = prometheus.NewDesc("pulsewall_channel_frames_total", "Frames passed on from ends here, by way (local, link, topic).", []string{"way"}, nil)
	descDropped    = prometheus.NewDesc("pulsewall_channel_dropped_total", "Frames dropped or missing, by reason (absent, behind, stuck, late, lost).", []string{"reason"}, nil)
	descLinks      = prometheus.NewDesc("pulsewall_node_links", "Open links to other nodes.", nil, nil)
	descPastBytes  = prometheus.NewDesc("pulsewall_history_bytes", "The file of the history: how large it is, how much of it holds something, how large it may be.", []string{"what"}, nil)
	descPastSubs   = prometheus.NewDesc("pulsewall_history_subscriptions", "Subscriptions of which something is remembered.", nil, nil)
	descPastLost   = prometheus.NewDesc("pulsewall_history_dropped_total", "Values left out because the disk was too slow.", nil, nil)
	descPastFails  = prometheus.NewDesc("pulsewall_history_failing", "1 while the history cannot be written.", nil, nil)
	descAlerts     = prometheus.NewDesc("pulsewall_alerts", "Alerts that are raised, on all nodes together, by state (warn, crit).", []string{"state"}, nil)
	descNotices    = prometheus.NewDesc("pulsewall_alert_notices_total", "Attempts of this node to tell of a change of an alert, by whom it is told to (room, or the name of a notifier) and outcome (told, failed, given_up).", []string{"to", "outcome"}, nil)
	descDegraded   = prometheus.NewDesc("pulsewall_degraded", "1 while this node cannot reach the others.", nil, nil)
)

func (g *gauges) Describe(ch chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{descSessions, descDeliveries, descBytes, descSlow, descResets, descKept, descUsers, descOnline, descWanted, descAge, descCircuit, descDegraded, descClients, descNodes, descRoundTrip, descChannels, descPassed, descDropped, descLinks, descPastBytes, descPastSubs, descPastLost, descPastFails, descAlerts, descNotices} {
		ch <- desc
	}
}

func (g *gauges) Collect(ch chan<- prometheus.Metric) {
	gauge := func(desc *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, v, labels...)
	}
	counter := func(desc *prometheus.Desc, v uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, float64(v), labels...)
	}
	stats, online := g.d.hub.Stats(), g.d.hub.Presence()
	for _, k := range transport.Kinds {
		gauge(descSessions, float64(stats.Sessions[k]), string(k))
		counter(descDeliveries, stats.Deliveries[k], string(k))
		counter(descBytes, stats.Bytes[k], string(k))
	}
	counter(descSlow, stats.SlowCloses)
	counter(descResets, stats.Resets)
	gauge(descKept, float64(stats.Kept))
	gauge(descUsers, float64(online.Users))
	gauge(descOnline, float64(online.Connections))
	gauge(descWanted, float64(g.d.scheduler.Polls()))
	gauge(descDegraded, map[bool]float64{true: 1}[online.Degraded])
	g.collectNodes(gauge)
	traffic := g.d.cluster.Relayed()
	gauge(descChannels, float64(traffic.Open))
	gauge(descLinks, float64(traffic.Links))
	for way, n := range traffic.Passed {
		counter(descPassed, n, way)
	}
	for reason, n := range traffic.Dropped {
		counter(descDropped, n, reason)
	}
	if store := g.d.opts.History; store != nil {
		past := store.Stats()
		gauge(descPastBytes, float64(past.Size), "file")
		gauge(descPastBytes, float64(past.Used), "used")
		gauge(descPastBytes, float64(past.Most), "most")
		gauge(descPastSubs, float64(past.Subscriptions))
		counter(descPastLost, past.Dropped)
		gauge(descPastFails, map[bool]float64{true: 1}[past.Failing])
	}
	if g.d.alerts != nil {
		g.collectAlerts(gauge, counter)
	}
	for feed, open := range g.d.scheduler.Circuits() {
		gauge(descCircuit, float64(open), feed)
	}
	for feed, at := range g.d.metrics.byFeed() {
		gauge(descAge, time.Since(at).Seconds(), feed)
	}
}

// collectNodes adds up what is known of the nodes.
func (g *gauges) collectNodes(gauge func(*prometheus.Desc, float64, ...string)) {
	states := make(map[string]int)
	for _, state := range []string{stateLive, stateAlone, stateUnknown, stateLeaving, stateLeft, stateGone} {
		states[state] = 0
	}
	for _, n := range g.d.nodeInfos() {
		states[n.State]++
	}
	for state, n := range states {
		gauge(descNodes, float64(n), state)
	}
	clients := g.d.online().nodes[g.d.opts.Node]
	for _, kind := range transport.Kinds {
		gauge(descClients, float64(clients[kind]), string(kind))
	}
	if !g.d.alone {
		gauge(descRoundTrip, g.d.cluster.State().RoundTrip.Seconds())
	}
}
