//go:build unix

package feeds

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/paho"
	"github.com/redis/go-redis/v9"

	"github.com/pulsewall/pulsewall/feeds/servers"
)

// secured are sources of which each reads one record of a server that speaks TLS alone.
var secured = map[string]struct {
	start func(context.Context, *servers.Authority) (*servers.Server, error)
	fill  func(context.Context, *servers.Server, *tls.Config) error
	open  func(url, ca string) (Source, error)
}{
	"redis": {
		servers.RedisTLS,
		func(ctx context.Context, s *servers.Server, trusting *tls.Config) error {
			client := redis.NewClient(&redis.Options{Addr: s.Addr(), Password: servers.Password, TLSConfig: trusting})
			return errors.Join(client.RPush(ctx, "l", "1").Err(), client.Close())
		},
		func(url, ca string) (Source, error) {
			return NewRedis(RedisOptions{URL: Secret(url), List: "l", CA: ca})
		},
	},
	"mqtt": {
		servers.MosquittoTLS,
		func(ctx context.Context, s *servers.Server, trusting *tls.Config) error {
			conn, err := (&tls.Dialer{Config: trusting}).DialContext(ctx, "tcp", s.Addr())
			if err != nil {
				return err
			}
			return tellOver(ctx, conn, paho.Publish{Topic: "l", Payload: []byte("1"), Retain: true})
		},
		func(url, ca string) (Source, error) {
			return NewMQTT(MQTTOptions{URL: Secret(url), Topics: []string{"l"}, CA: ca})
		},
	},
}

// TestTrust has servers with a certificate of an authority that is named, of another one, of none that is known, and for another
// name: records come from the first, and of the others it is said what is wrong.
func TestTrust(t *testing.T) {
	for kind, tt := range secured {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			ours, theirs := newAuthority(t), newAuthority(t)
			server, err := tt.start(t.Context(), ours)
			if err != nil {
				t.Fatal(err)
			}
			defer server.Close()
			if err := tt.fill(t.Context(), server, ours.Trusting()); err != nil {
				t.Fatal(err)
			}
			_, port, err := net.SplitHostPort(server.Addr())
			if err != nil {
				t.Fatal(err)
			}
			named := strings.Replace(server.URL(), server.Addr(), "localhost:"+port, 1)
			plain := strings.Replace(server.URL(), "s://", "://", 1)
			for name, c := range map[string]struct{ url, ca, want string }{
				"ours":   {server.URL(), ours.File, ""},
				"theirs": {server.URL(), theirs.File, "signed by nobody who is trusted here; name the signer's with ca"},
				"none":   {server.URL(), "", "signed by nobody who is trusted here; name the signer's with ca"},
				"named":  {named, ours.File, "is for another name"},
				"plain":  {plain, "", " "},
			} {
				source, err := tt.open(c.url, c.ca)
				if err != nil {
					t.Fatal(err)
				}
				r := startRig(t, Options{}, Feed{Name: "a", Source: source, Interval: time.Minute})
				sub, _ := r.watch("a")
				eventually(t, func() error { return trusts(r, sub, c.want) })
				r.stop()
				if last := r.last(sub); strings.Contains(last.Error, servers.Password) {
					t.Errorf("%s: %q has the password", name, last.Error)
				}
			}
		})
	}
}

// trusts says whether there is a record, or where something is wrong an error that tells it.
func trusts(r *rig, sub Subscription, wrong string) error {
	if wrong == "" {
		return shows(r, sub, OK, 1)
	}
	list := r.readings(sub)
	if len(list) == 0 {
		return errors.New("no reading")
	}
	last := list[len(list)-1]
	if last.Status != Failed || !strings.Contains(last.Error, wrong) {
		return fmt.Errorf("%s %q; want %q", last.Status, last.Error, wrong)
	}
	return nil
}

func newAuthority(t *testing.T) *servers.Authority {
	t.Helper()
	a, err := servers.NewAuthority(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return a
}
