package acceptance

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/dashboard"
	"github.com/pulsewall/pulsewall/feeds"
)

// mostSame is what a reading that says that nothing changed may take on the wire, in bytes.
const mostSame = 200

// TestSame has feeds whose records stand still, under names as they are in use: each further reading says just that.
func TestSame(t *testing.T) {
	t.Parallel()
	still := func(name string, perUser bool) feeds.Feed {
		return feeds.Feed{Name: name, Source: &standing{counter{whole: true, rows: 40, perUser: perUser, stopped: true}}, Interval: time.Second}
	}
	s := newSite(t, dashboard.Options{Feeds: []feeds.Feed{still("sensors", false), still("processes", false), still("stocks", true)}, Boards: []dashboard.Board{}})
	envelopes := map[string]int{
		"websocket": len(`{"event":"reading","data":}`) + 4, // the head of a frame of up to 64 KiB
		"sse":       len("event: reading\ndata: \n\n"),
		"poll":      len(`{"event":"reading","data":},`),
	}
	for _, query := range []string{"sub=sensors/-/1/10", "sub=processes/-/2/10", "sub=stocks/4711/1/20&unionId=4711"} {
		for transport, envelope := range envelopes {
			for _, format := range []string{"json", "html"} {
				t.Run(fmt.Sprint(transport, " ", query, " ", format), func(t *testing.T) {
					t.Parallel()
					e := second(t, s, transport, query+"&format="+format)
					var said struct {
						Same   bool
						Status string
					}
					if err := json.Unmarshal(e.Data, &said); err != nil || !said.Same || said.Status != "ok" {
						t.Fatalf("the second reading is %s; want one that is the same", e.Data)
					}
					if n := envelope + len(e.Data); n > mostSame {
						t.Errorf("%d bytes; want %d at most: %s", n, mostSame, e.Data)
					}
				})
			}
		}
	}
}

// standing is a counter whose records never change.
type standing struct{ counter }

func (s *standing) Poll(ctx context.Context, q feeds.Query) (feeds.Result, error) {
	r, err := s.counter.Poll(ctx, q)
	for _, record := range r.Records {
		record["poll"] = 1
	}
	return r, err
}

// second returns the first reading after a good one that says that it is the same: a busy machine may be too slow for some in between.
func second(t *testing.T, s *site, transport, query string) event {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), unhurried(time.Minute))
	defer cancel()
	next := polling(ctx, s, query)
	if transport != "poll" {
		var c stream
		var err error
		if transport == "sse" {
			c, err = s.sse(ctx, query)
		} else {
			c, err = s.socket(ctx, query)
		}
		if err != nil {
			t.Fatal(err)
		}
		defer c.close()
		next = c.next
	}
	for good := false; ; {
		e, err := next()
		if err != nil {
			t.Fatal(err)
		}
		var said struct {
			Same   bool
			Status string
		}
		if e.Event == "reading" && json.Unmarshal(e.Data, &said) == nil && said.Status == "ok" {
			if good && said.Same {
				return e
			}
			good = true
		}
	}
}

// polling returns the events of long polls, one after the other.
func polling(ctx context.Context, s *site, query string) func() (event, error) {
	var waiting []event
	after := ""
	return func() (event, error) {
		for len(waiting) == 0 {
			got, err := s.poll(ctx, query+after)
			if err != nil {
				return event{}, err
			}
			waiting, after = got.Events, "&after="+got.Cursor
		}
		e := waiting[0]
		waiting = waiting[1:]
		return e, nil
	}
}
