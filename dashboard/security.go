package dashboard

import (
	"errors"
	"net/http"
	"runtime/debug"
	"strings"
	"time"
)

// Bounds of the body of a request.
const (
	mostBody   = 64 << 10  // bytes
	mostTexts  = 512 << 10 // bytes of what a SockJS client says: while a post is under way, it collects all for the next
	bodyWithin = 10 * time.Second
)

// recoverer keeps a panic from taking more than its request. An answer that has begun is cut, so that nobody takes it for whole.
func (d *Dashboard) recoverer(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a := &answer{ResponseWriter: w}
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(v) // meant to cut the connection
			}
			d.log.Error("panic", "path", r.URL.Path, "panic", v, "stack", string(debug.Stack()))
			if a.begun {
				panic(http.ErrAbortHandler)
			}
			d.refuse(a, r, errFailed)
		}()
		next.ServeHTTP(a, r)
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
		next.ServeHTTP(w, r)
	})
}

// bounded gives a body its size and its time, whether or not anybody reads it: the server reads what a handler has left.
func (d *Dashboard) bounded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body == nil || r.Body == http.NoBody {
			next.ServeHTTP(w, r)
			return
		}
		if err := http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyWithin)); err != nil {
			d.log.Debug("no read deadline", "err", err)
		}
		most := int64(mostBody)
		if strings.HasPrefix(r.URL.Path, sockJSPath+"/") && strings.HasSuffix(r.URL.Path, "_send") {
			most = mostTexts
		}
		if push, is := d.mostPush(r); is {
			most = int64(push)
		}
		r.Body = http.MaxBytesReader(w, r.Body, most)
		next.ServeHTTP(w, r)
	})
}

// bodyRead takes the deadline of a body that was read to its end away, so that it does not cut what comes after on the same connection.
func bodyRead(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // who has no deadlines has none to take away
}

// varying says by what headers of a request its answer differs, for caches on the way.
func varying(by string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Vary", by)
			next.ServeHTTP(w, r)
		})
	}
}
