package dashboard

import (
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// peer is who is at the other end of the connection; not valid where that is not known.
func peer(r *http.Request) netip.Addr {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap()
}

func (d *Dashboard) trusts(a netip.Addr) bool {
	for _, p := range d.opts.TrustedProxies {
		if a.IsValid() && p.Contains(a) {
			return true
		}
	}
	return false
}

// clientAddr is where r comes from: the last address of X-Forwarded-For that is no trusted proxy. It is not valid where it cannot be known: a
// proxy that nobody trusts stands for many, and mostly on loopback.
func (d *Dashboard) clientAddr(r *http.Request) netip.Addr {
	at := peer(r)
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && d.trusts(at); i-- {
		at = hop(strings.TrimSpace(hops[i]))
	}
	if !at.IsValid() || at.IsLoopback() || d.trusts(at) {
		return netip.Addr{}
	}
	return at
}

// hop reads an address of X-Forwarded-For, which some proxies write with its port.
func hop(s string) netip.Addr {
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().Unmap()
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{}
	}
	return a.Unmap()
}

// gate bounds how many streams and waiting polls are open, in all and for an address.
type gate struct {
	limits Limits

	mu     sync.Mutex
	open   int                // guarded by mu
	shut   chan struct{}      // guarded by mu: nil until shutting, closed when the last has left
	byAddr map[netip.Addr]int // guarded by mu
}

func newGate(limits Limits) *gate { return &gate{limits: limits, byAddr: make(map[netip.Addr]int)} }

// enter counts one more, who must leave. Limits of an address hold for one that is known.
func (g *gate) enter(from netip.Addr) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut != nil {
		return errLeaving
	}
	if g.open >= g.limits.Connections {
		return refuse(http.StatusServiceUnavailable, "all %d connections are taken", g.limits.Connections).after(5 * time.Second)
	}
	if from.IsValid() && g.byAddr[from] >= g.limits.ConnectionsPerAddr {
		return refuse(http.StatusTooManyRequests, "%s has %d connections: no more are allowed from one address", from, g.byAddr[from]).after(5 * time.Second)
	}
	g.open++
	if from.IsValid() {
		g.byAddr[from]++
	}
	return nil
}

func (g *gate) leave(from netip.Addr) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open--; g.open == 0 && g.shut != nil {
		close(g.shut)
	}
	if !from.IsValid() {
		return
	}
	if g.byAddr[from]--; g.byAddr[from] == 0 {
		delete(g.byAddr, from)
	}
}

// shutting lets nobody in any more, and returns what is closed when the last has left. It is called once.
func (g *gate) shutting() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = make(chan struct{})
	if g.open == 0 {
		close(g.shut)
	}
	return g.shut
}
