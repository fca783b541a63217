package acceptance

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/transport/wsconn"
)

// newChannel has a node make one.
func newChannel(t *testing.T, p *process) string {
	t.Helper()
	response, err := http.Post(p.URL+"/api/channels", "application/json", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var made struct{ ChannelID string }
	if err := json.NewDecoder(response.Body).Decode(&made); err != nil || response.StatusCode != http.StatusCreated || len(made.ChannelID) != 32 {
		t.Fatalf("POST /api/channels: %s, %+v, %v", response.Status, made, err)
	}
	return made.ChannelID
}

// channelEnd is a program that holds an end of a channel and answers pings.
type channelEnd struct {
	*wsconn.Conn
	came  chan []byte
	ended chan error
	stuck chan struct{} // closed when nothing came for too long
}

// dialChannel asks a node for an end. client may reach it from another network.
func (p *process) dialChannel(t *testing.T, client *http.Client, end, name string) (*channelEnd, *http.Response, error) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	conn, response, err := wsconn.Dial(ctx, p.URL+"/channel?type="+end+"&channelId="+name, wsconn.DialOptions{
		Options: wsconn.Options{ReadLimit: 64 << 10, WriteTimeout: time.Minute, Binary: true}, Client: client,
	})
	if err != nil {
		return nil, response, err
	}
	e := &channelEnd{conn, make(chan []byte, 100), make(chan error, 1), make(chan struct{})}
	var running sync.WaitGroup
	ctx, stop := context.WithCancel(context.Background())
	running.Go(func() {
		for {
			b, err := conn.Read()
			if err != nil {
				e.ended <- err
				return
			}
			select {
			case e.came <- b:
			case <-ctx.Done():
			}
		}
	})
	running.Go(func() { _ = conn.Tend(ctx, time.Minute, time.Hour) })
	t.Cleanup(func() {
		stop()
		conn.CloseNow()
		running.Wait()
	})
	return e, response, nil
}

func (p *process) channel(t *testing.T, end, name string) *channelEnd {
	t.Helper()
	e, _, err := p.dialChannel(t, nil, end, name)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func (e *channelEnd) send(t *testing.T, b []byte) {
	t.Helper()
	if err := e.Send(b); err != nil {
		t.Fatal(err)
	}
}

// digest is the sum over the next frames, in order, and how many came. Each makes room for one more.
func (e *channelEnd) digest(frames int, room <-chan struct{}) ([sha256.Size]byte, int) {
	sum := sha256.New()
	late := time.NewTimer(time.Minute)
	defer late.Stop()
	for n := range frames {
		late.Reset(time.Minute)
		select {
		case p := <-e.came:
			<-room
			_, _ = fmt.Fprint(sum, len(p), " ")
			sum.Write(p)
		case <-late.C:
			close(e.stuck)
			return [sha256.Size]byte{}, n
		}
	}
	return [sha256.Size]byte(sum.Sum(nil)), frames
}

// wantCode waits until the node closes the connection.
func (e *channelEnd) wantCode(t *testing.T, code int) {
	t.Helper()
	select {
	case err := <-e.ended:
		if got := wsconn.CloseCode(err); got != code {
			t.Errorf("closed with %d (%v), want %d", got, err, code)
		}
	case <-time.After(time.Minute):
		t.Errorf("not closed; want %d", code)
	}
}

// frames is how many frames a node has sent by a way, dropped how many it dropped for a reason.
func (p *process) frames(t *testing.T, way string) int {
	t.Helper()
	return p.counter(t, "pulsewall_channel_frames_total", "way", way)
}

func (p *process) dropped(t *testing.T, reason string) int {
	t.Helper()
	return p.counter(t, "pulsewall_channel_dropped_total", "reason", reason)
}

func (p *process) counter(t *testing.T, metric, label, value string) int {
	t.Helper()
	_, page := get(t, p.URL+"/metrics")
	line := regexp.MustCompile(`(?m)^` + metric + `{` + label + `="` + value + `"} (\S+)$`).FindStringSubmatch(page)
	if line == nil {
		t.Fatalf("%s has no %s of %s", p.URL, metric, value)
	}
	n, err := strconv.ParseFloat(line[1], 64)
	if err != nil {
		t.Fatal(err)
	}
	return int(n)
}
