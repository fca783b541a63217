package feeds

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eclipse/paho.golang/packets"
	"github.com/eclipse/paho.golang/paho"
)

// moodyBroker answers each subscription with the next of the reasons, the last one ever after.
func moodyBroker(t *testing.T, reasons ...byte) (url Secret) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	t.Cleanup(func() { _ = l.Close(); serving.Wait() })
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			for answer(conn, &reasons) {
				continue
			}
			_ = conn.Close()
		}
	})
	return Secret("mqtt://" + l.Addr().String())
}

// answer reads a packet and says whether there may be another.
func answer(conn net.Conn, reasons *[]byte) bool {
	p, err := packets.ReadPacket(conn)
	if err != nil {
		return false
	}
	var out []byte
	switch content := p.Content.(type) {
	case *packets.Connect:
		out = []byte{packets.CONNACK << 4, 3, 0, 0, 0}
	case *packets.Pingreq:
		out = []byte{packets.PINGRESP << 4, 0}
	case *packets.Subscribe:
		out = []byte{packets.SUBACK << 4, 4, byte(content.PacketID >> 8), byte(content.PacketID), 0, (*reasons)[0]}
		if len(*reasons) > 1 {
			*reasons = (*reasons)[1:]
		}
	}
	_, err = conn.Write(out)
	return err == nil
}

// TestMQTTSubscribesAgain has a broker refuse a topic until somebody changes its rules.
func TestMQTTSubscribesAgain(t *testing.T) {
	t.Parallel()
	m, err := NewMQTT(MQTTOptions{URL: moodyBroker(t, packets.SubackNotauthorized, packets.SubackNotauthorized, packets.SubackGrantedQoS1), Topics: []string{"rooms"}})
	if err != nil {
		t.Fatal(err)
	}
	r := startRig(t, Options{}, seldomPolled(m))
	defer r.stop()
	sub, _ := r.watch("a")
	eventually(t, func() error { return shows(r, sub, OK, 0) })
	refused := func(r Reading) bool { return r.Status == Failed && strings.Contains(r.Error, `"rooms"`) }
	if list := r.readings(sub); !slices.ContainsFunc(list, refused) {
		t.Errorf("%d readings, none of which says that the topic is refused", len(list))
	}
}

// TestMQTTHearsWhatIsRetained waits as long as there comes something, and not for ever.
func TestMQTTHearsWhatIsRetained(t *testing.T) {
	for _, tt := range []struct {
		messages int // one each half a pause
		want     time.Duration
	}{{0, retainedPause}, {2, 3 * retainedPause}, {100, retainedPauses * retainedPause}} {
		synctest.Test(t, func(t *testing.T) {
			m, err := NewMQTT(MQTTOptions{URL: "mqtt://h", Topics: []string{"a"}})
			if err != nil {
				t.Fatal(err)
			}
			begun := time.Now()
			done := make(chan time.Duration, 1)
			go func() {
				m.hearRetained(t.Context())
				done <- time.Since(begun)
			}()
			for range tt.messages {
				time.Sleep(retainedPause/2 + time.Millisecond)
				m.take(&paho.Publish{Topic: "a", Payload: []byte("1")})
			}
			if got := <-done; got != tt.want {
				t.Errorf("of %d messages it waited %v; want %v", tt.messages, got, tt.want)
			}
		})
	}
}

// TestMQTTOfAnUnexpectedBroker has messages come before there is a connection to speak of, and users come and go.
func TestMQTTOfAnUnexpectedBroker(t *testing.T) {
	t.Parallel()
	m, err := NewMQTT(MQTTOptions{URL: "mqtt://h", Topics: []string{"users/{unionId}/a"}})
	if err != nil {
		t.Fatal(err)
	}
	for user := range 100 {
		topic := fmt.Sprintf("users/%d/a", user)
		if who, ok := m.take(&paho.Publish{Topic: topic, Payload: []byte("1")}); !ok || who != fmt.Sprint(user) {
			t.Errorf("take of %s = %q, %v", topic, who, ok)
		}
		if _, ok := m.take(&paho.Publish{Topic: topic}); !ok {
			t.Errorf("the end of %s is not news", topic)
		}
	}
	if len(m.held) != 0 || m.count != 0 || m.size != 0 {
		t.Errorf("%d users are held, with %d topics of %d bytes; want none", len(m.held), m.count, m.size)
	}
}
