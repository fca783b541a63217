package cluster

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/cluster/member"
)

const testSecret = "a secret of the nodes"

// linked is a node that others reach by link. Its options get its address, and the secret.
func linked(t *testing.T, name string, o Options) (*node, *httptest.Server) {
	t.Helper()
	var c *Hazelcast
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch err := c.ServeLink(w, r); {
		case errors.Is(err, ErrNoLinks):
			w.WriteHeader(http.StatusNotFound)
		case err != nil:
			w.WriteHeader(http.StatusForbidden)
		}
	}))
	o.Secret, o.Address = testSecret, "http://"+server.Listener.Addr().String()
	log := newRecorder()
	c = NewHazelcast(name, log, o)
	server.Start()
	t.Cleanup(server.Close)
	return runNode(t, c, log), server
}

// TestLinks is what nodes that share a secret do with each other, over one member.
func TestLinks(t *testing.T) {
	t.Parallel()
	o := optionsFor(t, startMember(t, member.Options{}))
	a, _ := linked(t, "a", o)
	b, server := linked(t, "b", o)
	joined(t, 30*time.Second, a, b)
	t.Run("by link", func(t *testing.T) { testByLink(t, a, b) })
	t.Run("cut", func(t *testing.T) { testLinkCut(t, a, b) })
	t.Run("stranger", func(t *testing.T) { testStranger(t, b, server) })
	t.Run("without a secret", func(t *testing.T) {
		c := startNode(t, "c", o)
		joined(t, 30*time.Second, a, b, c)
		x, y := register(t, a, End{channelOf(t), "app"}, answers), register(t, c, End{channelOf(t), "web"}, answers)
		got := collect(t, y)
		sendFrames(x, 1, 100, 8)
		got.has(t, 100)
		if n := c.Relayed().Links; n != 0 {
			t.Errorf("a node without a secret has %d links", n)
		}
	})
}

// testByLink begins by topic and goes on by link: nothing is lost, doubled or out of order when it changes.
func testByLink(t *testing.T, a, b *node) {
	x, y := register(t, a, End{channelOf(t), "app"}, answers), register(t, b, End{channelOf(t), "web"}, answers)
	atY, atX := collect(t, y), collect(t, x)
	sent := 0
	for before := passed(a, "link"); passed(a, "link") < before+500; {
		sendFrames(x, sent, 50, 100)
		sendFrames(y, sent, 50, MaxFrame)
		sent += 50
		if sent > 100_000 {
			t.Fatalf("no link after %d frames", sent)
		}
	}
	atY.has(t, sent)
	atX.has(t, sent)
	if a.Relayed().Links != 1 || b.Relayed().Links != 1 {
		t.Errorf("%d and %d links, want 1 each", a.Relayed().Links, b.Relayed().Links)
	}
	t.Logf("%d frames, %d of them by topic", sent, passed(a, "topic"))
}

func passed(n *node, way string) uint64 { return n.Relayed().Passed[way] }

// testLinkCut breaks the link again and again while frames go: they come in order, none twice, and what is missing is counted.
func testLinkCut(t *testing.T, a, b *node) {
	x, y := register(t, a, End{channelOf(t), "app"}, answers), register(t, b, End{channelOf(t), "web"}, answers)
	got := collect(t, y)
	before, dropped := b.Relayed(), a.Relayed()
	far := b.Cluster.(*Hazelcast).far
	link := &far.of(a.Cluster.(*Hazelcast).incarnation).link
	frames := 0
	send := func(n int) {
		sendFrames(x, frames+1, n, 1000)
		frames += n
	}
	for range 2 {
		for begun := time.Now(); link.Load() == nil; send(10) {
			if time.Since(begun) > time.Minute {
				t.Fatal("the link does not come back")
			}
		}
		send(700)
		link.Load().conn.CloseNow()
		send(700)
	}
	judged := frames
	eventually(t, time.Minute, func() error { // those after tell what is missing before
		send(1)
		if n := got.count(); n == 0 || got.last() <= uint64(judged) {
			return fmt.Errorf("%d came", n)
		}
		return nil
	})
	after := b.Relayed()
	kept := a.Relayed().Dropped["behind"] + a.Relayed().Dropped["stuck"] - dropped.Dropped["behind"] - dropped.Dropped["stuck"]
	lost := after.Dropped["lost"] - before.Dropped["lost"]
	t.Logf("%d frames: %d came, %d lost, %d late, %d not sent", frames, got.count(), lost, after.Dropped["late"]-before.Dropped["late"], kept)
	if got.wrong > 0 {
		t.Errorf("%d came out of order or twice", got.wrong)
	}
	if n := uint64(got.distinct(judged)) + lost + kept; n < uint64(judged) {
		t.Errorf("%d of %d frames came, are missing, or were dropped; want each of them to be one of these", n, judged)
	}
}

func (s *sink) last() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.got[len(s.got)-1]
}

// distinct is how many different numbers up to most came.
func (s *sink) distinct(most int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := make(map[uint64]bool)
	for _, n := range s.got {
		if n <= uint64(most) {
			seen[n] = true
		}
	}
	return len(seen)
}

// testStranger asks for a link without the secret, with another one, for another node, and with what a node has shown before.
func testStranger(t *testing.T, n *node, server *httptest.Server) {
	h := n.Cluster.(*Hazelcast)
	ask := func(d *deal) *http.Response {
		r, err := http.NewRequest(http.MethodGet, server.URL+LinkPath, nil)
		if err != nil {
			t.Fatal(err)
		}
		if d != nil {
			r.Header = d.header()
		}
		r.Header.Set("Connection", "Upgrade")
		r.Header.Set("Upgrade", "websocket")
		r.Header.Set("Sec-WebSocket-Version", "13")
		r.Header.Set("Sec-WebSocket-Key", "cHVsc2V3YWxsLWxpbmtzIQ==")
		response, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		return response
	}
	first := ask(nil)
	challenge := first.Header.Get(challengeHeader)
	if first.StatusCode != http.StatusForbidden || challenge == "" {
		t.Fatalf("a stranger gets %s with %q; want a refusal with a challenge", first.Status, challenge)
	}
	good := deal{secret: testSecret, challenge: challenge, nonce: newNonce(), caller: "x#1", called: h.incarnation}
	for name, spoil := range map[string]func(*deal){
		"another secret":      func(d *deal) { d.secret += "." },
		"another node":        func(d *deal) { d.called = "b#other" },
		"a made-up challenge": func(d *deal) { d.challenge = h.far.used.challenge(time.Now().Add(-2 * challengeFor)) },
		"no challenge":        func(d *deal) { d.challenge = "" },
	} {
		d := good
		spoil(&d)
		if got := ask(&d); got.StatusCode != http.StatusForbidden {
			t.Errorf("with %s a stranger gets %s", name, got.Status)
		}
	}
	if got := ask(&good); got.StatusCode != http.StatusSwitchingProtocols || got.Header.Get(proofHeader) != good.proof("called") {
		t.Errorf("who knows the secret gets %s, proof %q", got.Status, got.Header.Get(proofHeader))
	}
	if got := ask(&good); got.StatusCode != http.StatusForbidden {
		t.Errorf("what was shown before is taken again: %s", got.Status)
	}
}

// TestChallenges: each is good once, by whoever asks at the same time.
func TestChallenges(t *testing.T) {
	u, now := newUsed(), time.Now()
	c := u.challenge(now)
	var asking sync.WaitGroup
	var mu sync.Mutex
	good := 0
	for range 20 {
		asking.Go(func() {
			if u.take(c, now.Add(time.Second)) {
				mu.Lock()
				good++
				mu.Unlock()
			}
		})
	}
	asking.Wait()
	if good != 1 {
		t.Errorf("a challenge was good %d times", good)
	}
	for _, wrong := range []string{"", "x", c[:len(c)-2] + "AA", newUsed().challenge(now), u.challenge(now.Add(-challengeFor - 1))} {
		if u.take(wrong, now) {
			t.Errorf("challenge %q was taken", wrong)
		}
	}
}

// TestOtherSecret tells of a node with another secret, or at another address, that this is what is wrong.
func TestOtherSecret(t *testing.T) {
	part := func(incarnation, secret string) *far {
		f := newFar(&Hazelcast{incarnation: incarnation, opts: Options{Secret: secret}}, &relay{})
		t.Cleanup(f.stop)
		return f
	}
	called := part("b#1", testSecret)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := (&relay{far: called}).ServeLink(w, r); err != nil {
			w.WriteHeader(http.StatusForbidden)
		}
	}))
	defer server.Close()
	b := &neighbour{incarnation: "b#1", life: t.Context()}
	if _, err := part("a#1", testSecret+".").open(b, server.URL); !errors.Is(err, errRefused) {
		t.Errorf("open with another secret = %v; want %v", err, errRefused)
	}
	b.incarnation = "c#1"
	if _, err := part("a#1", testSecret).open(b, server.URL); !errors.Is(err, errRefused) {
		t.Errorf("open of another node = %v; want %v", err, errRefused)
	}
}
