package dashboard

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pulsewall/pulsewall/feeds"
	"github.com/pulsewall/pulsewall/transport/wsconn"
)

// said is a text, and when it came.
type said struct {
	after time.Duration
	text  string
}

// pageClient is a page as it is written for another server: it opens a WebSocket and keeps what comes.
type pageClient struct {
	*wsconn.Conn
	t     *testing.T
	t0    time.Time
	ended chan int // the code that it was closed with

	mu   sync.Mutex
	list []said // guarded by mu
}

func (b *bubble) open(path string, texts ...string) *pageClient {
	b.t.Helper()
	conn, _, err := wsconn.Dial(b.t.Context(), "ws://site"+path, wsconn.DialOptions{
		Options: wsconn.Options{ReadLimit: 1 << 20, WriteTimeout: 10 * time.Second}, Client: b.client,
	})
	if err != nil {
		b.t.Fatal(err)
	}
	c := &pageClient{Conn: conn, t: b.t, t0: time.Now(), ended: make(chan int, 1)}
	go func() {
		for {
			p, err := conn.Read()
			if err != nil {
				c.ended <- wsconn.CloseCode(err)
				return
			}
			c.mu.Lock()
			c.list = append(c.list, said{time.Since(c.t0), string(p)})
			c.mu.Unlock()
		}
	}()
	ctx, cancel := context.WithCancel(context.Background())
	go func() { _ = conn.Tend(ctx, time.Hour, time.Hour) }() // answers pings
	b.t.Cleanup(cancel)
	for _, text := range texts {
		c.send(text)
	}
	return c
}

func (c *pageClient) send(text string) {
	c.t.Helper()
	if err := c.Send([]byte(text)); err != nil {
		c.t.Fatal(err)
	}
	synctest.Wait()
}

// heard returns what came since it was asked last.
func (c *pageClient) heard() []said {
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	list := c.list
	c.list = nil
	return list
}

// words tells what came in short: pages as "page N", N being their first value, times as "time", errors by their text.
func (c *pageClient) words() string {
	var list []string
	for _, s := range c.heard() {
		list = append(list, fmt.Sprintf("%v %s", s.after.Round(10*time.Millisecond), word(s.text)))
	}
	return strings.Join(list, ", ")
}

func word(text string) string {
	var v struct {
		Error   *string
		Records []struct{ Value float64 }
	}
	if _, err := time.Parse("2006-01-02T15:04:05.000Z", text); err == nil {
		return "time"
	}
	switch err := json.Unmarshal([]byte(text), &v); {
	case err == nil && v.Error != nil:
		return "error"
	case err == nil && len(v.Records) > 0:
		return fmt.Sprintf("page %v", v.Records[0].Value)
	}
	return text
}

// moody is a source that does what it is told at each poll.
type moody struct {
	none
	polls atomic.Int64
	poll  func(n int) error
}

func (m *moody) Poll(context.Context, feeds.Query) (feeds.Result, error) {
	n := int(m.polls.Add(1))
	var out feeds.Result
	for range 25 {
		out.Records = append(out.Records, feeds.Record{"id": fmt.Sprint(len(out.Records)), "value": float64(n)})
	}
	return out, m.poll(n)
}

func fine(int) error { return nil }

func rows(m *moody) feeds.Feed {
	return feeds.Feed{Name: "rows", Source: m, Interval: 10 * time.Second}
}

// TestMsgBeat: each connection has its page at once and then every 10 s of its own, whatever it says meanwhile, and two hundred cost one
// poll each interval.
func TestMsgBeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &moody{poll: fine}
		b := newBubble(t, rows(source))
		defer b.stop()
		first := b.open("/msg", `{"unionId":1,"current":2,"size":10}`)
		time.Sleep(4 * time.Second)
		var others []*pageClient
		for range 199 {
			others = append(others, b.open("/msg", `{"unionId":1,"current":2,"size":10}`))
		}
		time.Sleep(2 * time.Second)
		first.send(`{"unionId":2}`)
		first.send(`junk`)
		time.Sleep(15 * time.Second)
		first.send(`{"current":1,"size":1}`)
		time.Sleep(10 * time.Second)
		if got, want := first.words(), "0s page 1, 6s time, 6s error, 10s page 2, 20s page 3, 21s time, 30s page 4"; got != want {
			t.Errorf("first: %s; want %s", got, want)
		}
		for _, c := range others {
			if got, want := c.words(), "0s page 1, 10s page 2, 20s page 3"; got != want {
				t.Fatalf("another: %s; want %s", got, want)
			}
		}
		if n := source.polls.Load(); n != 4 {
			t.Errorf("%d polls for 200 clients in 31 s; want 4", n)
		}
	})
}

// TestMsgNeverOld: what is pushed is the page of the last poll, or that there is none.
func TestMsgNeverOld(t *testing.T) {
	never := make(chan struct{})
	tests := []struct {
		name string
		poll func(n int) error
		want string
	}{
		{"a slow source", func(int) error { time.Sleep(6 * time.Second); return nil }, "6s page 1, 16s page 2, 26s page 3, 36s page 4"},
		{"now slow, now fast", func(n int) error { time.Sleep(time.Duration(n%2) * time.Second); return nil }, "1s page 1, 11s page 2, 21s page 3, 31s page 4"},
		{"slower each time", func(n int) error { time.Sleep(time.Duration(n-1) * time.Second); return nil }, "0s page 1, 11s page 2, 20s page 2, 30s page 3"},
		{"failing now and then", func(n int) error {
			if n%2 == 0 {
				return errors.New("down")
			}
			return nil
		}, "0s page 1, 10s error, 20s page 3, 30s error"},
		{"failing from the first", func(n int) error {
			if n < 3 {
				return errors.New("down")
			}
			return nil
		}, "0s error, 10s error, 20s page 3, 30s page 4"},
		{"panicking", func(n int) error {
			if n == 2 {
				panic("as asked")
			}
			return nil
		}, "0s page 1, 10s error, 20s page 3, 30s page 4"},
		{"hanging", func(n int) error {
			if n > 1 {
				<-never
			}
			return nil
		}, "0s page 1, 12s error, 20s error, 30s error"},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			never = make(chan struct{})
			b := newBubble(t, rows(&moody{poll: tt.poll}))
			c := b.open("/msg", `{}`)
			time.Sleep(39 * time.Second)
			if got := c.words(); got != tt.want {
				t.Errorf("%s: %s; want %s", tt.name, got, tt.want)
			}
			close(never)
			b.stop()
			if code := <-c.ended; code != wsconn.ServiceRestart {
				t.Errorf("%s: closed %d; want 1012", tt.name, code)
			}
		})
	}
}

// TestMsgBecomesOld: data that was young when it was read is not pushed once it is older than the feed allows, though no poll was due since.
func TestMsgBecomesOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t, feeds.Feed{Name: "rows", Source: late{}, Interval: 30 * time.Second, MaxAge: time.Minute})
		defer b.stop()
		c := b.open("/msg", `{}`)
		time.Sleep(59 * time.Second)
		if got, want := c.words(), "0s page 1, 10s page 1, 20s error, 30s page 1, 40s page 1, 50s error"; got != want {
			t.Errorf("%s; want %s", got, want)
		}
	})
}

// late is a source whose records are 45 s old when they are read.
type late struct{}

func (late) Describe() feeds.Description {
	return feeds.Description{Title: "Late", ID: "id", Time: "at", Whole: true, Fields: []feeds.Field{
		{Name: "id", Label: "Id", Type: "string"}, {Name: "at", Label: "At", Type: "time"}, {Name: "value", Label: "Value", Type: "number"},
	}}
}

func (late) Poll(context.Context, feeds.Query) (feeds.Result, error) {
	at := time.Now().Add(-45 * time.Second).Format(time.RFC3339)
	return feeds.Result{Records: []feeds.Record{{"id": "1", "at": at, "value": 1.0}}}, nil
}
