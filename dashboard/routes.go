package dashboard

import (
	"context"
	"errors"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"github.com/pulsewall/pulsewall/assets"
)

// probeTimeout is how long a round trip through the hub may take.
const probeTimeout = 2 * time.Second

// routes are all addresses.
func (d *Dashboard) routes() http.Handler {
	r := chi.NewRouter()
	r.Use(d.recoverer, d.secure)
	r.NotFound(func(w http.ResponseWriter, req *http.Request) {
		d.refuse(w, req, refuse(http.StatusNotFound, "there is nothing at %q", clip(req.URL.Path)))
	})
	r.MethodNotAllowed(func(w http.ResponseWriter, req *http.Request) { d.refuseMethod(r, w, req) })

	r.Get("/live", d.live)
	r.Get("/live/ws", d.liveSocket)
	r.Get("/live/sse", d.liveEvents)
	r.Get("/live/poll", d.livePoll)
	r.Get("/healthz", d.getHealth)
	r.Get("/readyz", d.getReady)
	r.Get("/metrics", d.metrics.ServeHTTP)
	r.Handle("/assets/*", assets.Handler())

	r.Group(func(r chi.Router) { // what is not a stream
		r.Use(middleware.GetHead, middleware.Compress(5, "text/html", "application/json", "text/plain", "application/problem+json"))
		r.Get("/", d.getIndex)
		r.Get("/d/{dashboard}", d.getBoard)
		r.Post("/api/messages", d.postMessage)
		r.Get("/api/messages", d.getMessages)
		r.Get("/api/readings", d.getReading)
		r.Get("/api/presence", d.getPresence)
		r.Get("/api/presence/users", d.getUsers)
		r.Get("/api/presence/users/{unionId}", d.getUser)
		r.Get("/api/feeds", d.getFeeds)
		r.Get("/api/nodes", d.getNodes)
	})
	return r
}

func (d *Dashboard) probe(r *http.Request) error {
	ctx, cancel := context.WithTimeout(r.Context(), probeTimeout)
	defer cancel()
	return d.hub.Probe(ctx)
}

// refuseMethod says which methods an address has.
func (d *Dashboard) refuseMethod(routes chi.Routes, w http.ResponseWriter, r *http.Request) {
	var allowed []string
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		if routes.Match(chi.NewRouteContext(), method, r.URL.Path) {
			allowed = append(allowed, method)
		}
	}
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	d.refuse(w, r, refuse(http.StatusMethodNotAllowed, "method %s: %s has %s", clip(r.Method), clip(r.URL.Path), strings.Join(allowed, " and ")))
}

// recoverer keeps a panic from taking more than its request.
func (d *Dashboard) recoverer(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(v) // meant to cut the connection
			}
			d.log.Error("panic", "path", r.URL.Path, "panic", v, "stack", string(debug.Stack()))
			d.refuse(w, r, refuse(http.StatusInternalServerError, "the server failed; its log says why"))
		}()
		next.ServeHTTP(w, r)
	})
}

// policy lets pages load their own files and talk to their own server, and nothing else.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// secure sets the headers that every answer has.
func (d *Dashboard) secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY") // for browsers older than frame-ancestors
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
		if r.TLS != nil {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}
