package dashboard

import (
	"cmp"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// parseOrigins reads scheme://host[:port] and "null".
func parseOrigins(list []string) (map[string]bool, error) {
	origins := make(map[string]bool)
	for _, s := range list {
		if s == "null" {
			origins[s] = true
			continue
		}
		u, err := url.Parse(s)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.User != nil {
			return nil, fmt.Errorf(`origin %q: allowed are scheme://host[:port] with http or https, and "null"`, s)
		}
		origins[canonicalOrigin(u)] = true
	}
	return origins, nil
}

// canonicalOrigin is the serialization of an origin (RFC 6454, 6.2): lower case, no default port.
func canonicalOrigin(u *url.URL) string {
	return strings.ToLower(u.Scheme) + "://" + canonicalHost(u.Host, u.Scheme)
}

func canonicalHost(host, scheme string) string {
	host = strings.ToLower(host)
	port := map[string]string{"http": ":80", "https": ":443"}[strings.ToLower(scheme)]
	if _, p, err := net.SplitHostPort(host); err == nil && ":"+p == port {
		return strings.TrimSuffix(host, port)
	}
	return host
}

// checkOrigin refuses requests that do something when another site's page makes them. A request without Origin, Sec-Fetch-Site and
// Referer is a program's, unless it has its token from a cookie.
func (d *Dashboard) checkOrigin(r *http.Request) error {
	origin, site, referer := r.Header.Get("Origin"), r.Header.Get("Sec-Fetch-Site"), r.Header.Get("Referer")
	switch {
	case origin != "":
		if d.mayAct(r, origin) {
			return nil
		}
		p := d.crossOrigin(r, "Origin", origin)
		p.reader = origin // the page is to know why
		return p
	case site == "same-origin" || site == "none":
		return nil
	case referer != "":
		u, err := url.Parse(referer)
		switch {
		case err != nil || !d.mayAct(r, u.Scheme+"://"+u.Host):
			return d.crossOrigin(r, "Referer", referer)
		case site == "" || !d.isSame(r, u):
			return nil
		}
		return d.crossOrigin(r, "Sec-Fetch-Site", site) // a page of this site led there by way of another, which chose the address
	case site != "":
		return d.crossOrigin(r, "Sec-Fetch-Site", site)
	}
	if p := signedInAs(r.Context()); p != nil && p.byCookie { // an old browser that another site's page told to say nothing
		return refuse(http.StatusForbidden, "a cookie, but no Origin, Sec-Fetch-Site or Referer as browsers send with it: programs show the token as Authorization: Bearer TOKEN")
	}
	return nil
}

// mayAct says whether pages of the origin may act here: those of this site, and those that were configured.
func (d *Dashboard) mayAct(r *http.Request, origin string) bool {
	if origin == "null" {
		return d.origins["null"]
	}
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" {
		return false
	}
	return d.isSame(r, u) || d.origins[canonicalOrigin(u)]
}

// isSame says whether u is of the site that r asked. Who ends TLS in front may not say so: where the scheme is not known, the host decides.
func (d *Dashboard) isSame(r *http.Request, u *url.URL) bool {
	if scheme := d.scheme(r); scheme != "" && !strings.EqualFold(scheme, u.Scheme) {
		return false
	}
	return u.Host != "" && canonicalHost(u.Host, u.Scheme) == canonicalHost(d.host(r), u.Scheme)
}

// crossOrigin says what was seen, what was expected, and what to change.
func (d *Dashboard) crossOrigin(r *http.Request, header, seen string) *Problem {
	return refuse(http.StatusForbidden, "%s %q: this server was asked as %q, and allows its own pages and those of --origin. "+
		"Start it with --origin and the address that people see, or pass that on in the proxy; in nginx: proxy_set_header Host $http_host;",
		header, clip(seen), clip(d.host(r)))
}

// host is what the client asked for, as a trusted proxy tells it.
func (d *Dashboard) host(r *http.Request) string {
	return cmp.Or(d.forwarded(r, "X-Forwarded-Host"), r.Host)
}

// scheme is how the client asked; empty where a proxy may have ended TLS without a word.
func (d *Dashboard) scheme(r *http.Request) string {
	if proto := d.forwarded(r, "X-Forwarded-Proto"); proto != "" || r.TLS == nil {
		return proto
	}
	return "https"
}

// forwarded is what a trusted proxy tells of the request that it got; the first, where there were several.
func (d *Dashboard) forwarded(r *http.Request, header string) string {
	if !d.trusts(peer(r)) {
		return ""
	}
	first, _, _ := strings.Cut(r.Header.Get(header), ",")
	return strings.TrimSpace(first)
}

// share lets pages of the origins that were configured read what they ask for, and answers what browsers ask before they post (Fetch
// Standard, CORS). To all others nothing is said but, by checkOrigin, why they are refused: browsers keep all else from them.
func (d *Dashboard) share(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		origin := r.Header.Get("Origin")
		if origin == "" || !d.isConfigured(origin) {
			next.ServeHTTP(w, r)
			return
		}
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Expose-Headers", "ETag, Retry-After")
		if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
			h.Set("Access-Control-Allow-Methods", "GET, POST")
			h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, If-None-Match, Last-Event-ID")
			h.Set("Access-Control-Max-Age", "600")
			h.Set("Vary", "Origin")
			w.WriteHeader(http.StatusNoContent)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (d *Dashboard) isConfigured(origin string) bool {
	u, err := url.Parse(origin)
	return err == nil && (d.origins[origin] || d.origins[canonicalOrigin(u)])
}
