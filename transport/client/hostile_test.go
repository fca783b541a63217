package client_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pulsewall/pulsewall/transport/client"
)

// TestNonsense has something answer that means no good, or is broken: the client loses nothing but time.
func TestNonsense(t *testing.T) {
	deep := strings.Repeat("[", 100_000)
	for name, nonsense := range map[string]http.HandlerFunc{
		"a redirect to itself": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.String(), http.StatusFound) },
		"deep JSON": func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/live/sse" {
				w.Header().Set("Content-Type", "text/event-stream")
				_, _ = io.WriteString(w, "event: hello\ndata: "+deep+"\n\n")
				return
			}
			_, _ = io.WriteString(w, `{"cursor":"x","events":[{"event":"hello","data":`+deep)
		},
		"events of null": func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/live/sse" {
				w.Header().Set("Content-Type", "text/event-stream")
			}
			_, _ = io.WriteString(w, `{"cursor":"x","events":[null,{"event":"reading","data":null},{"event":"message"}]}`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			onEach(t, func(t *testing.T, s *site, w client.Transport) {
				s.barred(slices.Repeat([]http.HandlerFunc{nonsense}, 10_000)...)
				l := listen(t, s.client(client.Options{Transports: []client.Transport{w}}), nil)
				time.Sleep(time.Minute)
				s.barred()
				l.want("lost", "hello by "+names[w])
			})
		})
	}
}

// TestStayAwayForever: whoever says so is asked again after an hour.
func TestStayAwayForever(t *testing.T) {
	const bye = `{"event":"bye","data":{"reason":"restart","retry":1e300}}`
	for name, answer := range map[string]http.HandlerFunc{
		"Retry-After": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "9999999999999")
			problem(w, http.StatusServiceUnavailable, "go away")
		},
		"bye": closing(time.Second, 1012, bye),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSite(t)
				s.barred(answer)
				said := make(chan struct{}, 1)
				l := listen(t, s.client(client.Options{}), func(e client.Event) {
					if _, is := e.(client.Lost); is {
						said <- struct{}{}
					}
				})
				<-said
				began := time.Now()
				s.requests()
				time.Sleep(time.Hour - time.Second)
				if asked := s.requests(); len(asked) > 0 {
					t.Errorf("asked %q before", asked)
				}
				time.Sleep(3 * time.Second)
				if asked := s.requests(); len(asked) == 0 {
					t.Errorf("not asked again after %v", time.Since(began))
				}
				l.stop()
			})
		})
	}
}

// TestEndlessReceipt: no more is read than a receipt can be, and the message is sent again.
func TestEndlessReceipt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		written := 0
		s.barred(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusAccepted)
			_, _ = io.WriteString(w, `{"id":"`)
			for some := strings.Repeat("x", 1<<10); written < 100<<20; written += len(some) {
				if _, err := io.WriteString(w, some); err != nil {
					return
				}
			}
		})
		if r, err := s.client(client.Options{UnionID: "7"}).Send(t.Context(), client.To{All: true}, "x"); err != nil || r.ID != "e-1" {
			t.Errorf("Send = %+v, %v", r, err)
		}
		synctest.Wait()
		if written > 1<<20 {
			t.Errorf("%d bytes were taken for a receipt", written)
		}
	})
}
