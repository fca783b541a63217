package dashboard

import (
	"log/slog"
	"net/netip"
	"time"

	"github.com/pulsewall/pulsewall/cluster"
	"github.com/pulsewall/pulsewall/feeds"
)

// Options describe a Dashboard. The zero value gives the built-in feeds and dashboards on one node.
type Options struct {
	Node     string        // name of this node; default: the host name
	Feeds    []feeds.Feed  // default: feeds.Builtin
	Boards   []Board       // default: BuiltinBoards
	Interval time.Duration // of every feed instead of its own; 0: each its own
	// Origins are further origins (scheme://host[:port], or "null") whose pages may open WebSockets and post.
	Origins []string
	// TrustedProxies are the addresses whose X-Forwarded-For, -Proto and -Host count.
	TrustedProxies []netip.Prefix
	Limits         Limits
	Cluster        cluster.Cluster // default: a cluster.Local
	Version        string
	Logger         *slog.Logger
}

// Limits bound what clients may cost. Zero fields take the defaults.
type Limits struct {
	Connections        int // streams and waiting polls in all; default 100,000
	ConnectionsPerAddr int // of one client address, where it is known; default 1,000; loopback and trusted proxies do not count
	MessagesPerSecond  int // of one sender; default 50, with a burst of twice as many
	Polls              int // distinct polls in all; default 10,000
	PollsPerFeed       int // default 1,000
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
