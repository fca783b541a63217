package client_test

import (
	"errors"
	"net/http/httptest"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pulsewall/pulsewall/transport"
	"github.com/pulsewall/pulsewall/transport/client"
)

var to8 = transport.Address{Users: []string{"8"}}

func as[E error](err error, target *E) bool { return errors.As(err, target) }

// TestTLS follows over real sockets with TLS, where HTTP/2 is spoken but for WebSockets, with a client of the program's own.
func TestTLS(t *testing.T) {
	for _, w := range transports {
		t.Run(string(w), func(t *testing.T) {
			hub := transport.NewHub(transport.Options{Epoch: "e"})
			s := &site{t: t, hub: hub, keys: make(map[string]string)}
			server := httptest.NewUnstartedServer(s)
			server.EnableHTTP2 = true
			server.StartTLS()
			defer server.Close()
			defer hub.Close()
			s.sayAll("one")
			c := client.New(client.Options{URL: server.URL + "/", Transports: []client.Transport{w}, HTTPClient: server.Client(), After: "earliest"})
			losses := 0
			for e, err := range c.Events(t.Context()) {
				if err != nil {
					t.Fatal(err)
				}
				if lost, is := e.(client.Lost); is {
					if losses++; losses > 5 { // a busy machine may take more than the 5 s that a hello has
						t.Fatal(lost.Err)
					}
				}
				if m, is := e.(client.Message); is {
					if c.Cursor() != m.ID {
						t.Errorf("Cursor() = %q; want %q", c.Cursor(), m.ID)
					}
					break
				}
			}
			if state := c.State(); state != (client.State{}) {
				t.Errorf("after the loop State() = %+v", state)
			}
		})
	}
}

// TestOptions says what is wrong before anybody is asked.
func TestOptions(t *testing.T) {
	for _, o := range []client.Options{{}, {URL: "wall.example"}, {URL: "ftp://wall.example"}, {URL: "http://wall.example", Transports: []client.Transport{"pigeon"}}} {
		c := client.New(o)
		for e, err := range c.Events(t.Context()) {
			if err == nil {
				t.Errorf("%+v: got %T", o, e)
			}
		}
		if err := c.Join(t.Context(), "r"); err == nil {
			t.Errorf("%+v: joined", o)
		}
	}
}

// TestAlone holds the package free of the server: whoever takes it takes no hub, no cluster and no page.
func TestAlone(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", ".").CombinedOutput()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, out)
	}
	const module = "github.com/pulsewall/pulsewall/"
	allowed := []string{"transport/client", "transport/wsconn", "transport/patient", "transport/ready"}
	for _, path := range strings.Fields(string(out)) {
		if ours, is := strings.CutPrefix(path, module); is && !slices.Contains(allowed, ours) {
			t.Errorf("it needs %s", path)
		}
	}
}

// TestCursorBeforeReset: a hello that starts elsewhere moves nobody before the reset has told of it.
func TestCursorBeforeReset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.barred(closing(time.Second, 1001), closing(time.Second, 1001, `{"event":"reset","id":"e-0","data":{"reason":"gone","kept":0}}`))
		c := s.client(client.Options{After: "old-7"})
		var cursors []string
		l := listen(t, c, func(e client.Event) {
			switch e.(type) {
			case client.Hello, client.Reset:
				cursors = append(cursors, c.Cursor())
			}
		})
		time.Sleep(10 * time.Second)
		l.stop()
		synctest.Wait()
		if len(cursors) < 3 || !slices.Equal(cursors[:3], []string{"old-7", "old-7", "e-0"}) {
			t.Errorf("cursors %q at two hellos and a reset; want the old one before the reset", cursors)
		}
	})
}
