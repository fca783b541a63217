package main

import (
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/packets"

	"github.com/pulsewall/pulsewall/feeds"
)

// acceptAt calls serve with each connection to the address that it returns, one after the other.
func acceptAt(t *testing.T, serve func(net.Conn)) (address string) {
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
			serve(conn)
			_ = conn.Close()
		}
	})
	return l.Addr().String()
}

// TestFeedTestPollsOnce has a database that fails: there is nothing to wait for.
func TestFeedTestPollsOnce(t *testing.T) {
	var came atomic.Int32
	address := acceptAt(t, func(net.Conn) { came.Add(1) })
	writeConfig(t, fmt.Sprintf("feeds:\n  - name: a\n    interval: 1s\n    sql: { url: \"postgres://u:open-sesame@%s/d?sslmode=disable\", query: SELECT 1 }\n", address))
	code, stdout, stderr := invoke(t, nil, "feed", "test", "a", "--config", "wall.yaml")
	if n := came.Load(); code != 1 || n < 1 || n > 3 || strings.Contains(stdout+stderr, "sesame") {
		t.Errorf("feed test = %d after %d connections, %s%s; want 1, after those of one poll, without the password", code, n, stdout, stderr)
	}
}

// TestFeedTestWaitsForWhatIsKept has a broker that takes its time to send what is retained.
func TestFeedTestWaitsForWhatIsKept(t *testing.T) {
	address := acceptAt(t, func(conn net.Conn) {
		for {
			p, err := packets.ReadPacket(conn)
			if err != nil {
				return
			}
			switch content := p.Content.(type) {
			case *packets.Connect:
				_, err = conn.Write([]byte{packets.CONNACK << 4, 3, 0, 0, 0})
			case *packets.Subscribe:
				_, err = conn.Write([]byte{packets.SUBACK << 4, 4, byte(content.PacketID >> 8), byte(content.PacketID), 0, 1})
				<-time.After(300 * time.Millisecond)
				const retained = "\x00\x04hall\x00" + "21.5"
				_, _ = io.WriteString(conn, string([]byte{packets.PUBLISH<<4 | 1, byte(len(retained))})+retained)
			}
			if err != nil {
				return
			}
		}
	})
	writeConfig(t, fmt.Sprintf("feeds:\n  - name: rooms\n    mqtt: { url: \"mqtt://%s\", topics: [hall] }\n", address))
	code, stdout, stderr := invoke(t, nil, "feed", "test", "rooms", "--config", "wall.yaml")
	if code != 0 || !strings.Contains(stdout, "1 of 1 records") || !strings.Contains(stdout, "21.5") {
		t.Errorf("feed test = %d, %s%s; want 0, with what is retained", code, stdout, stderr)
	}
}

// TestFeedTestOfNobody says how to name a user.
func TestFeedTestOfNobody(t *testing.T) {
	writeConfig(t, "feeds:\n  - name: mine\n    http: { url: \"http://127.0.0.1:1/{unionId}\" }\n")
	code, stdout, stderr := invoke(t, nil, "feed", "test", "mine", "--config", "wall.yaml")
	if code != 0 || !strings.Contains(stdout, "--union-id") {
		t.Errorf("feed test = %d, %s%s; want 0, and that --union-id names a user", code, stdout, stderr)
	}
}

// TestDisabledFeedsHoldNothing closes what was opened to be checked.
func TestDisabledFeedsHoldNothing(t *testing.T) {
	writeConfig(t, "feeds:\n  - { name: a, enabled: false, sql: { url: \"sqlite:other.db\", query: SELECT 1 } }\n  - { name: b, sql: { url: \"sqlite:none.db\", query: SELECT 1 } }\n")
	cfg, err := effective(command{flags: flags{Config: "wall.yaml"}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cfg.close() }()
	for _, f := range cfg.Feeds {
		if f.external() {
			_, err := f.source.Poll(t.Context(), feeds.Query{})
			if closed := strings.Contains(err.Error(), "closed"); closed == f.enabled() {
				t.Errorf("feed %s, enabled %v: %v", f.Name, f.enabled(), err)
			}
		}
	}
}
