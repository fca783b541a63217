package dashboard

import (
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"github.com/pulsewall/pulsewall/assets"
	"github.com/pulsewall/pulsewall/cluster"
)

// routes are all addresses.
func (d *Dashboard) routes() http.Handler {
	r := chi.NewRouter()
	r.Use(d.recoverer, d.secure, d.bounded, d.ownHost, d.share)
	r.NotFound(func(w http.ResponseWriter, req *http.Request) {
		d.refuse(w, req, refuse(http.StatusNotFound, "there is nothing at %q", clip(req.URL.Path)))
	})
	r.MethodNotAllowed(func(w http.ResponseWriter, req *http.Request) { d.refuseMethod(r, w, req) })

	r.Group(func(r chi.Router) {
		r.Use(d.joined, d.signedIn) // in this order: whether a ticket was used before is known by those who have joined
		d.personal(r)
	})
	r.With(d.joined, varying("Accept, Accept-Encoding, Origin"), compressed).Post(pushPath+"{name}", d.postRecords) // who has the key of the feed
	r.Group(func(r chi.Router) {                                                                                    // of this node alone
		r.Use(varying("Accept, Accept-Encoding, Origin"), middleware.Compress(5, "application/json", "application/problem+json"))
		read(r, "/healthz", d.getHealth)
		read(r, "/readyz", d.getReady)
	})
	r.With(uncached).Get(cluster.LinkPath, d.getLink)
	read(r, "/metrics", d.metrics.ServeHTTP) // compresses by itself
	read(r, "/assets/*", d.getAsset())
	read(r, "/pulsewall.js", getClient())
	r.Group(func(r chi.Router) {
		r.Use(varying("Accept-Encoding, Origin"), middleware.Compress(5, "application/yaml"))
		read(r, "/openapi.yaml", getDescription(openAPI))
		read(r, "/asyncapi.yaml", getDescription(asyncAPI))
	})
	return r
}

// compressed compresses answers that pages and programs read whole.
var compressed = middleware.Compress(5, "text/html", "application/json", "application/problem+json", "text/csv")

// personal are the addresses that are for somebody: with Auth, for who has a token.
func (d *Dashboard) personal(r chi.Router) {
	r.Group(func(r chi.Router) { // streams: no HEAD, and nothing in between that holds back
		r.Use(uncached, d.varyingByPerson("Accept, Accept-Encoding, Upgrade"))
		r.Get("/live", d.live)
		r.Get("/live/ws", d.liveSocket)
		r.Get("/live/sse", d.liveEvents)
		r.Get("/live/poll", d.livePoll)
		if d.serves(OlderChannel) {
			r.Get(channelPath, d.getChannel)
		}
	})
	r.Group(func(r chi.Router) {
		r.Use(uncached, d.varyingByPerson("Origin, Upgrade"))
		if d.serves(OlderSockJS) {
			newSockJS(d).routes(r)
		}
	})
	r.Group(func(r chi.Router) {
		r.Use(uncached, d.varyingByPerson("Accept, Origin, Upgrade"))
		d.olderRoutes(r)
	})
	r.Group(func(r chi.Router) {
		r.Use(d.varyingByPerson("Accept, Accept-Encoding, Origin"), compressed)
		read(r, "/", d.getIndex)
		read(r, "/d/{dashboard}", d.getBoard)
		read(r, chatPage, d.getChat)
		r.Post(chatPage, d.postChat)
		read(r, alertsPage, d.getAlertList)
		read(r, alertsPage+"/{id}", d.getAlert)
		r.Post(alertsPage+"/{id}", d.postAlertPage)
		r.Post("/api/messages", d.postMessage)
		r.Post("/api/tickets", d.postTicket)
		if d.serves(OlderChannel) {
			r.Post("/api/channels", d.postChannel)
		}
		read(r, "/api/messages", d.getMessages)
		read(r, "/api/readings", d.getReading)
		read(r, "/api/history", d.getHistory)
		read(r, "/api/presence", d.getPresence)
		read(r, "/api/presence/users", d.getUsers)
		read(r, "/api/presence/users/{unionId}", d.getUser)
		read(r, alertsPath, d.getAlerts)
		r.Post(alertsPath+"/{id}/ack", d.postAck)
		read(r, "/api/feeds", d.getFeeds)
		read(r, "/api/nodes", d.getNodes)
	})
}

// getAsset serves the files of pages. That there is none is said here, as every refusal is.
func (d *Dashboard) getAsset() http.HandlerFunc {
	files := assets.Handler()
	return func(w http.ResponseWriter, r *http.Request) {
		found := &found{ResponseWriter: w}
		files.ServeHTTP(found, r)
		if found.not {
			d.refuse(w, r, refuse(http.StatusNotFound, "there is no file %q: addresses of files change with their content", clip(r.URL.Path)))
		}
	}
}

// getClient serves the client for pages of other sites. Its address stays, so it is not cached for long.
func getClient() http.HandlerFunc {
	client, etag := assets.Client()
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "public, max-age=300")
		w.Header().Set("Vary", "Accept-Encoding, Origin")
		if !notModified(w, r, etag) {
			client(w, r)
		}
	}
}

// found is a response that keeps a 404 to itself.
type found struct {
	http.ResponseWriter
	not bool
}

func (f *found) WriteHeader(status int) {
	if f.not = status == http.StatusNotFound; !f.not {
		f.ResponseWriter.WriteHeader(status)
	}
}

func (f *found) Write(p []byte) (int, error) {
	if f.not {
		return len(p), nil
	}
	return f.ResponseWriter.Write(p)
}

// read is for GET and HEAD.
func read(r chi.Router, path string, h http.HandlerFunc) {
	r.Get(path, h)
	r.Head(path, h)
}

// live is the Cache-Control of what is.
const live = "no-store, no-transform"

// uncached keeps what is live, refusals included, out of caches.
func uncached(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", live)
		next.ServeHTTP(w, r)
	})
}

// refuseMethod says which methods an address has.
func (d *Dashboard) refuseMethod(routes chi.Routes, w http.ResponseWriter, r *http.Request) {
	var allowed []string
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost} {
		if routes.Match(chi.NewRouteContext(), method, r.URL.Path) {
			allowed = append(allowed, method)
		}
	}
	list := strings.Join(allowed, ", ")
	w.Header().Set("Allow", list)
	d.refuse(w, r, refuse(http.StatusMethodNotAllowed, "method %q: %s allows %s", clip(r.Method), clip(r.URL.Path), list))
}
