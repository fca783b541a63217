//go:build unix

package feeds

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/paho"

	"github.com/pulsewall/pulsewall/feeds/servers"
)

func startBroker(t *testing.T) *servers.Server {
	t.Helper()
	server, err := servers.Mosquitto(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	return server
}

// tell publishes over a connection of its own.
func tell(ctx context.Context, server *servers.Server, list ...paho.Publish) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", server.Addr())
	if err != nil {
		return err
	}
	return tellOver(ctx, conn, list...)
}

// tellOver publishes over a connection, and closes it.
func tellOver(ctx context.Context, conn net.Conn, list ...paho.Publish) error {
	defer func() { _ = conn.Close() }()
	client := paho.NewClient(paho.ClientConfig{Conn: conn, PacketTimeout: within})
	if _, err := client.Connect(ctx, &paho.Connect{ClientID: fmt.Sprint("teller-", time.Now().UnixNano()), CleanStart: true, KeepAlive: 60}); err != nil {
		return err
	}
	for _, p := range list {
		p.QoS = 1
		if _, err := client.Publish(ctx, &p); err != nil {
			return err
		}
	}
	err := client.Disconnect(&paho.Disconnect{})
	<-client.Done()
	return err
}

func mustTell(t *testing.T, server *servers.Server, list ...paho.Publish) {
	t.Helper()
	if err := tell(t.Context(), server, list...); err != nil {
		t.Fatal(err)
	}
}

func newMQTT(t *testing.T, server *servers.Server, o MQTTOptions) *MQTT {
	t.Helper()
	o.URL = Secret(server.URL())
	m, err := NewMQTT(o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// seldomPolled is a feed whose readings come by wakes alone.
func seldomPolled(s Source) Feed {
	return Feed{Name: "a", Source: s, Interval: time.Hour, MinGap: ShortestMinGap}
}

func msg(topic, payload string) paho.Publish {
	return paho.Publish{Topic: topic, Payload: []byte(payload)}
}

func TestMQTTShowsTheNewestOfEachTopic(t *testing.T) {
	t.Parallel()
	server := startBroker(t)
	kept := msg("rooms/attic/temp", "17")
	kept.Retain = true
	mustTell(t, server, kept)
	r := startRig(t, Options{}, seldomPolled(newMQTT(t, server, MQTTOptions{Topics: []string{"rooms/+/temp", "meters/#"}, MaxBytes: 100})))
	defer r.stop()
	sub, _ := r.watch("a")
	eventually(t, func() error { return shows(r, sub, OK, 1) })
	if got := r.last(sub).Page.Records[0]; got["value"] != int64(17) || got["retained"] != true || got["receivedAt"] != nil {
		t.Errorf("%v; want what was retained, of which nobody knows the age", got)
	}
	mustTell(t, server, msg("rooms/hall/temp", "20"), msg("rooms/hall/hum", "50"), msg("rooms/hall/x/temp", "1"), msg("meters", `{"kWh":5.5,"topic":"x"}`),
		msg("meters/1/2", "on"), msg("rooms/hall/temp", "21"), msg("rooms/hall/temp", strings.Repeat("x", 101)))
	eventually(t, func() error {
		if err := shows(r, sub, OK, 4); err != nil {
			return err
		}
		rows := r.last(sub).Page.Records
		if rows[0]["topic"] != "meters" || rows[0]["kWh"] != 5.5 || rows[1]["value"] != "on" || rows[3]["value"] != int64(21) || rows[3]["receivedAt"] == nil {
			return fmt.Errorf("%v", rows)
		}
		return nil
	})
	gone := msg("rooms/attic/temp", "")
	gone.Retain = true
	mustTell(t, server, gone)
	eventually(t, func() error { return shows(r, sub, OK, 3) })
}

func TestMQTTGivesEachUserTheirTopics(t *testing.T) {
	t.Parallel()
	server := startBroker(t)
	r := startRig(t, Options{}, seldomPolled(newMQTT(t, server, MQTTOptions{Topics: []string{"users/{unionId}/#"}})))
	defer r.stop()
	seven, _ := r.watch("a/7/1/1")
	eight, _ := r.watch("a/8/2/1")
	eventually(t, func() error { return errors.Join(shows(r, seven, OK, 0), shows(r, eight, OK, 0)) })
	mustTell(t, server, msg("users/7/a", "1"), msg("users/8/a", "2"), msg("users/8/b", "3"), msg("users/x/a", "4"), msg("users/07/a", "5"))
	eventually(t, func() error { return errors.Join(shows(r, seven, OK, 1), shows(r, eight, OK, 2)) })
	if a, b := r.last(seven).Page.Records[0]["value"], r.last(eight).Page.Records[0]["value"]; a != int64(1) || b != int64(3) {
		t.Errorf("%v and %v; want the only one of user 7, and the second of user 8", a, b)
	}
}

func TestMQTTSaysWhenThereAreTooManyTopics(t *testing.T) {
	t.Parallel()
	server := startBroker(t)
	m := newMQTT(t, server, MQTTOptions{Topics: []string{"#"}, Most: 3})
	r := startRig(t, Options{}, seldomPolled(m))
	defer r.stop()
	sub, _ := r.watch("a")
	eventually(t, func() error { return shows(r, sub, OK, 0) })
	var list []paho.Publish
	for i := range 50 {
		list = append(list, msg(fmt.Sprint("t/", i), "x"))
	}
	mustTell(t, server, list...)
	eventually(t, func() error {
		if got := r.last(sub); !strings.Contains(got.Error, "more than 3 topics") && !strings.Contains(got.Error, "More than 3 topics") {
			return fmt.Errorf("%s %q", got.Status, got.Error)
		}
		return nil
	})
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.count != 3 || len(m.held[""]) != 3 || m.size != 3 {
		t.Errorf("%d topics with %d bytes are held", m.count, m.size)
	}
}

// TestMQTTBrokerKilledAndStartedAgain has messages come all the time.
func TestMQTTBrokerKilledAndStartedAgain(t *testing.T) {
	t.Parallel()
	server := startBroker(t)
	r := startRig(t, Options{}, seldomPolled(newMQTT(t, server, MQTTOptions{Topics: []string{"load/+"}})))
	defer r.stop()
	sub, _ := r.watch("a")
	done := make(chan struct{})
	var load sync.WaitGroup
	defer load.Wait()
	defer close(done)
	for n := range 3 {
		load.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-done:
					return
				case <-time.After(5 * time.Millisecond):
					_ = tell(t.Context(), server, msg(fmt.Sprint("load/", n), fmt.Sprint(i))) // it fails while the broker is away
				}
			}
		})
	}
	for range 2 {
		eventually(t, func() error { return shows(r, sub, OK, 3) })
		server.Kill()
		eventually(t, func() error { return shows(r, sub, Stale, 3) })
		if got := r.last(sub); !strings.Contains(got.Error, "ot connected to the broker") {
			t.Errorf("it says %q", got.Error)
		}
		if err := server.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, func() error { return shows(r, sub, OK, 3) })
}

// TestMQTTWithoutABroker says so at once, and goes on trying.
func TestMQTTWithoutABroker(t *testing.T) {
	t.Parallel()
	server := startBroker(t)
	server.Kill()
	r := startRig(t, Options{}, seldomPolled(newMQTT(t, server, MQTTOptions{Topics: []string{"a"}})))
	defer r.stop()
	sub, _ := r.watch("a")
	eventually(t, func() error { return shows(r, sub, Failed, -1) })
	if err := server.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error { return shows(r, sub, OK, 0) })
}

func TestMQTTOptionsAreChecked(t *testing.T) {
	const url = "mqtt://me:open-sesame@localhost"
	topics := func(list ...string) MQTTOptions { return MQTTOptions{URL: url, Topics: list} }
	for _, tt := range []struct {
		o    MQTTOptions
		want string
	}{
		{topics(), "topics"}, {topics(""), "topics"}, {topics("a#"), "topics"}, {topics("a/#/b"), "topics"}, {topics("a+/b"), "topics"},
		{topics("$share/g/a"), "topics"}, {topics("a/x{unionId}"), "topics"}, {topics("{unionId}/{unionId}"), "topics"}, {topics("{unionId}/a", "b"), "topics"},
		{topics("a\x00"), "topics"}, {MQTTOptions{Topics: []string{"a"}}, "url"}, {MQTTOptions{URL: "http://open-sesame", Topics: []string{"a"}}, "url"},
		{MQTTOptions{URL: url, Topics: []string{"a"}, Most: -1}, "most"}, {MQTTOptions{URL: url, Topics: []string{"a"}, MaxBytes: 1 << 30}, "maxBytes"},
		{MQTTOptions{URL: url, Topics: []string{"a"}, ClientID: "a b"}, "clientId"}, {MQTTOptions{URL: url, Topics: []string{"a"}, CA: "x"}, "ca"},
	} {
		_, err := NewMQTT(tt.o)
		var wrong *OptionError
		if !errors.As(err, &wrong) || wrong.Key != tt.want || strings.Contains(err.Error(), "sesame") {
			t.Errorf("%q: %v; want one of %s, without the password", tt.o.Topics, err, tt.want)
		}
	}
}

func TestTopicsMatchAsTheBrokerDoes(t *testing.T) {
	for _, tt := range []struct {
		filter, topic string
		want          bool
	}{
		{"a/b", "a/b", true}, {"a/b", "a", false}, {"a/+", "a/b", true}, {"a/+", "a/b/c", false}, {"a/+", "a", false}, {"a/+", "a/", true},
		{"a/#", "a", true}, {"a/#", "a/b/c", true}, {"a/#", "b", false}, {"#", "a/b", true}, {"#", "$SYS/x", false}, {"+/x", "$SYS/x", false},
		{"$SYS/#", "$SYS/x", true}, {"+", "/a", false}, {"/+", "/a", true}, {"+/#", "a", true},
	} {
		f, problem := readFilter(tt.filter)
		if got := f.match(strings.Split(tt.topic, "/")); problem != "" || got != tt.want {
			t.Errorf("%s on %s: %v %s; want %v", tt.filter, tt.topic, got, problem, tt.want)
		}
	}
}
