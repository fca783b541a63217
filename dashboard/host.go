package dashboard

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// ownHost refuses what reached a loopback address under a name that is not this server's own. Anybody may point a name of theirs at
// 127.0.0.1, and to the browsers of this machine a page of that name would then be of this site (DNS rebinding).
func (d *Dashboard) ownHost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if onLoopback(r) && !d.trusts(peer(r)) && !d.isOwn(hostname(r.Host)) {
			d.refuseProgram(w, r, refuse(http.StatusForbidden, "Host %q: on a loopback address this server answers to IP addresses, localhost and the hosts of --origin. "+
				"Start it with --origin and the address that people see, or, behind a proxy, with --trusted-proxy and the proxy's address", clip(r.Host)))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// onLoopback says whether r came to an address that only this machine reaches.
func onLoopback(r *http.Request) bool {
	local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	return ok && local.IP.IsLoopback()
}

// isOwn says whether the name cannot be somebody else's. No browser leaves it out; checks of balancers do.
func (d *Dashboard) isOwn(name string) bool {
	if name == "" || name == "localhost" || strings.HasSuffix(name, ".localhost") { // RFC 6761, 6.3
		return true
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	for origin := range d.origins {
		if u, err := url.Parse(origin); err == nil && u.Hostname() == name {
			return true
		}
	}
	return false
}

// hostname is a Host header without its port, in lower case, without the dot that may end it.
func hostname(host string) string {
	u := url.URL{Host: host}
	return strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
}
