package dashboard

import (
	"cmp"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"time"

	"github.com/pulsewall/pulsewall/alerts"
	"github.com/pulsewall/pulsewall/cluster"
	"github.com/pulsewall/pulsewall/feeds"
	"github.com/pulsewall/pulsewall/history"
	"github.com/pulsewall/pulsewall/transport"
)

// Options describe a Dashboard. The zero value gives the built-in feeds and dashboards on one node.
type Options struct {
	Node     string        // name of this node; default: the host name
	Feeds    []feeds.Feed  // default: feeds.Builtin
	Boards   []Board       // default: those of BuiltinBoards whose feeds there are
	Interval time.Duration // of every feed instead of its own; 0: each its own
	// Origins are further origins (scheme://host[:port], or "null") whose pages may open streams, poll and post. Where the server is
	// reached on a loopback address, their hosts are names that it answers to.
	Origins []string
	// TrustedProxies are the addresses whose X-Forwarded-For, -Proto and -Host count.
	TrustedProxies []netip.Prefix
	Limits         Limits
	// Cluster joins this node to others. The default is a cluster.Local.
	Cluster func(Joining) (cluster.Cluster, error)
	// Auth demands a token on every address but /healthz, /readyz, /metrics, files and pushing, and binds what is asked for to the person
	// it is of. nil: everybody is taken at their word.
	Auth *Auth
	// Admit is asked before a client may stay: before each stream opens, on every address and transport, and at each long poll; of a
	// SockJS session over HTTP once, whatever requests it makes. It sees
	// the request, and may say who the client is. A *Problem refuses with its status, before any upgrade; context.DeadlineExceeded
	// with 503; any other error, and a panic, with 500, and is logged. The request's context ends after 10 s. The default admits all. It
	// is not asked for pages, for the API and for messages that are posted: that is for Auth, which comes before it.
	Admit func(*http.Request, *Visit) error
	// Left is told once of each visit that was admitted when it is over, and what ended it: nil where all was said, with a poll
	// its answer. Run returns after the last one. Both are called by many goroutines at a time.
	Left func(*Visit, error)
	// OlderClients are the addresses for older clients that are served. nil: all of OlderClients; empty: none, and they answer 404.
	OlderClients []OlderClient
	// MsgFeed is the feed whose pages /msg pushes. The default is the first that is per user, else the first.
	MsgFeed string
	// StrictReady has /readyz refuse while the node is alone, so that a balancer takes it out.
	StrictReady bool
	// History keeps the values of readings, fills charts after a start and answers /api/history. Run runs it; the caller closes it
	// after that. The default is to remember the last hour in memory alone.
	History *history.Store
	// Notifiers are told of alerts, of feeds that have any.
	Notifiers []alerts.Notifier
	Version   string
	Now       func() time.Time // the clock of versions and of times that go to other nodes; default: time.Now
	Logger    *slog.Logger     // default: slog.Default()
}

// Joining is what a node brings into a cluster.
type Joining struct {
	Node    string
	Handler cluster.Handler              // takes what comes from the others
	Status  func() []byte                // what they are to know of this node
	Answer  func(question []byte) []byte // says what this node remembers
	Now     func() time.Time
	Logger  *slog.Logger
}

// Limits bound what clients may cost. Zero fields take the defaults.
type Limits struct {
	Connections        int // streams and waiting polls in all; default 100,000
	ConnectionsPerAddr int // of one client address, where it is known; default 1,000; loopback and trusted proxies do not count
	MessagesPerSecond  int // of one sender; default 1,000, with a burst of twice as many; all senders of one known address have ten times that
	Polls              int // distinct polls in all; default 10,000
	PollsPerFeed       int // default 1,000
}

// DefaultLimits are the limits of a Dashboard that is given none.
func DefaultLimits() Limits {
	return Limits{Connections: 100_000, ConnectionsPerAddr: 1_000, MessagesPerSecond: 1_000, Polls: 10_000, PollsPerFeed: 1_000}
}

// Board is one dashboard.
type Board struct {
	Name   string // in its address /d/{name}
	Title  string
	Panels []Panel
}

// Panel shows one subscription.
type Panel struct {
	Name   string // unique on its dashboard
	Title  string
	Feed   string            // may be feed@node
	View   string            // "table" (default), "tiles" or "chart"
	Size   int               // records a page; default 10
	Params map[string]string // ;key=value parameters of the subscription
	Fields []string          // columns of a table; empty: all
	Wide   bool
	Pin    bool // polled for ever, so that its chart is full when somebody looks
}

func (o Options) withDefaults() (Options, error) {
	if o.Node == "" {
		o.Node, _ = os.Hostname() // without a name it is "node"
		if !transport.ValidName(o.Node) {
			o.Node = "node"
		}
	}
	if !transport.ValidName(o.Node) {
		return o, fmt.Errorf("node %q: allowed are 1–64 of A–Z a–z 0–9 . _ -", o.Node)
	}
	o.Logger = cmp.Or(o.Logger, slog.Default())
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Feeds == nil {
		o.Feeds = feeds.Builtin(o.Node)
	}
	if o.Boards == nil {
		o.Boards = boardsOf(o.Feeds)
	}
	if o.Cluster == nil {
		store := o.History
		o.Cluster = func(j Joining) (cluster.Cluster, error) {
			if store == nil {
				return cluster.NewLocal(j.Node, j.Handler), nil
			}
			return cluster.NewKept(j.Node, j.Handler, keptLog{store}), nil
		}
	}
	l, unset := &o.Limits, DefaultLimits()
	for _, limit := range []struct {
		name  string
		value *int
		unset int
	}{
		{"connections", &l.Connections, unset.Connections},
		{"connections of an address", &l.ConnectionsPerAddr, unset.ConnectionsPerAddr},
		{"messages a second", &l.MessagesPerSecond, unset.MessagesPerSecond},
		{"polls", &l.Polls, unset.Polls},
		{"polls of a feed", &l.PollsPerFeed, unset.PollsPerFeed},
	} {
		if *limit.value < 0 {
			return o, fmt.Errorf("limit of %s %d: allowed are positive numbers, and 0 for %d", limit.name, *limit.value, limit.unset)
		}
		*limit.value = cmp.Or(*limit.value, limit.unset)
	}
	return o, nil
}
