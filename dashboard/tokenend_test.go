package dashboard_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/auth"
	"github.com/pulsewall/pulsewall/dashboard"
	"github.com/pulsewall/pulsewall/transport/wsconn"
)

// shortFor is how long a token is good that ends while its stream is open. A busy machine opens a stream in that time.
const shortFor = 5 * time.Second

// shortWall knows tokens that are good for so long from when they are shown; one that is shown again is over then.
func shortWall(t *testing.T, secure bool) *wall {
	var mu sync.Mutex
	until := make(map[string]time.Time)
	o := guarded(dashboard.Options{})
	o.Auth.Verify = func(_ context.Context, token string) (auth.Person, error) {
		mu.Lock()
		defer mu.Unlock()
		end, was := until[token]
		if !was {
			end = time.Now().Add(shortFor)
			until[token] = end
		}
		if !time.Now().Before(end) {
			return auth.Person{}, fmt.Errorf("%w: it has expired", auth.ErrBadToken)
		}
		return auth.Person{UnionID: "7", Until: end}, nil
	}
	return newWall(t, o, secure)
}

// A token ends while streams are open: each is told in its way, and nobody comes back with it.
func TestTokenEndsWhileOpen(t *testing.T) {
	t.Parallel()
	w := shortWall(t, false)
	token := func(name string) string { return "Authorization: Bearer " + name }
	var waiting sync.WaitGroup
	for i, address := range []string{"/live/ws?sub=mine", "/msg", "/message", "/channel?type=app&channelId=" + channelOne, "/sockjs", "/sockjs/websocket"} {
		own := token(fmt.Sprint("socket", i))
		c := w.older(address, own)
		waiting.Go(func() {
			for range c.texts {
			}
			if c.code != wsconn.TokenEnded {
				t.Errorf("%s: closed %d; want 4401", address, c.code)
			}
			w.get(address, append(handshake, own)...).wantProblem(t, address, 401, "expired")
		})
	}
	stream := w.eventStream("/live/sse?sub=mine", token("stream"))
	waiting.Go(func() {
		var said []string
		for stream.Scan() {
			said = append(said, stream.Text())
		}
		all := strings.Join(said, "\n")
		if _, last, _ := strings.Cut(all, "event: bye"); !strings.Contains(all, "event: hello") || !strings.Contains(last, `"reason":"the token ended"`) || stream.Err() != nil {
			t.Errorf("the event stream said %s, and ended with %v", all, stream.Err())
		}
		w.get("/live/sse", token("stream"), "Accept: text/event-stream").wantProblem(t, "event stream", 401, "expired")
	})
	waitingPoll(t, w, token("poll"), &waiting)
	waiting.Wait()
}

// The same over TLS, where no connection is taken over.
func TestTokenEndsOverTLS(t *testing.T) {
	t.Parallel()
	w := shortWall(t, true)
	var waiting sync.WaitGroup
	stream := w.eventStream("/live/sse?sub=mine", "Authorization: Bearer stream")
	waiting.Go(func() {
		toldWhy := false
		for stream.Scan() {
			toldWhy = toldWhy || strings.Contains(stream.Text(), `"reason":"the token ended"`)
		}
		if stream.Err() != nil || !toldWhy {
			t.Errorf("the event stream ended with %v, and told why: %v", stream.Err(), toldWhy)
		}
	})
	waitingPoll(t, w, "Authorization: Bearer poll", &waiting)
	waiting.Wait()
}

// waitingPoll has a poll wait until its token ends.
func waitingPoll(t *testing.T, w *wall, token string, waiting *sync.WaitGroup) {
	t.Helper()
	a := w.get("/live/poll?sub=rows&wait=0", token)
	cursor, _ := a.object(t)["cursor"].(string)
	if cursor == "" {
		t.Fatalf("first poll: %d %s", a.StatusCode, a.body)
	}
	waiting.Go(func() {
		a := w.get("/live/poll?wait=25&after="+cursor, token)
		for a.StatusCode == 200 { // something came in between
			cursor, _ = a.object(t)["cursor"].(string)
			a = w.get("/live/poll?wait=25&after="+cursor, token)
		}
		a.wantProblem(t, "poll", 401, "")
		if challenge := a.Header.Get("WWW-Authenticate"); challenge != `Bearer realm="pulsewall", error="invalid_token"` {
			t.Errorf("poll: WWW-Authenticate %q", challenge)
		}
		if !strings.Contains(a.body, "the token ended") {
			t.Errorf("the poll did not wait until the end of its token: %s", a.body)
		}
	})
}
