package acceptance

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"
)

// seen is one reading as a viewer got it.
type seen struct {
	Sub     string
	Version int64
	At, Due time.Time
	Status  string
	Page    json.RawMessage
	Same    bool // as before: the page is that of the reading before

	poll int       // number of the poll in the tally
	came time.Time // when the viewer had it
}

// viewer is one client who keeps all readings that came.
type viewer struct {
	name string
	site *site
	feed string
	stop context.CancelFunc

	mu    sync.Mutex
	list  []seen
	ended error // why it has no more
}

// audience is many viewers at once. All are closed and waited for when the test ends.
type audience struct {
	t    *testing.T
	ctx  context.Context
	stop context.CancelFunc
	wg   sync.WaitGroup

	list  []*viewer
	users int // that there ever were
}

func newAudience(t *testing.T) *audience {
	a := &audience{t: t}
	a.ctx, a.stop = context.WithCancel(context.Background())
	t.Cleanup(a.end)
	return a
}

func (a *audience) end() {
	a.stop()
	a.wg.Wait()
}

// transports are the ways in which programs watch.
var transports = []string{"websocket", "sse", "poll"}

// watch adds a viewer of a page of a feed at a site.
func (a *audience) watch(s *site, transport, feed string, page int) *viewer {
	a.users++
	v := &viewer{name: fmt.Sprintf("viewer %d by %s of page %d of %s at %s", a.users, transport, page, feed, s.URL), site: s, feed: feed}
	query := url.Values{"feed": {feed}, "current": {fmt.Sprint(page)}, "size": {"2"}, "unionId": {fmt.Sprint(a.users)}}
	a.list = append(a.list, v)
	ctx, stop := context.WithCancel(a.ctx)
	v.stop = stop
	a.wg.Go(func() {
		watch := v.stream
		if transport == "poll" {
			watch = v.pollOn
		}
		if err := watch(ctx, transport, query); ctx.Err() == nil {
			v.mu.Lock()
			v.ended = fmt.Errorf("%s: %w", v.name, err)
			v.mu.Unlock()
		}
	})
	return v
}

func (v *viewer) stream(ctx context.Context, transport string, query url.Values) error {
	var c stream
	var err error
	if transport == "sse" {
		c, err = v.site.sse(ctx, query.Encode())
	} else {
		c, err = v.site.socket(ctx, query.Encode())
	}
	if err != nil {
		return err
	}
	defer c.close()
	for {
		e, err := c.next()
		if err != nil {
			return err
		}
		if err := v.take(e); err != nil {
			return err
		}
	}
}

// pollOn asks again and again.
func (v *viewer) pollOn(ctx context.Context, _ string, query url.Values) error {
	for {
		got, err := v.site.poll(ctx, query.Encode())
		if err != nil {
			return err
		}
		query.Set("after", got.Cursor)
		for _, e := range got.Events {
			if err := v.take(e); err != nil {
				return err
			}
			var hello struct{ Session string }
			if e.Event == "hello" && json.Unmarshal(e.Data, &hello) == nil {
				query.Set("session", hello.Session)
			}
		}
	}
}

func (v *viewer) take(e event) error {
	if e.Event != "reading" {
		return nil
	}
	one := seen{came: time.Now()}
	if err := json.Unmarshal(e.Data, &one); err != nil {
		return err
	}
	var page struct{ Records []struct{ Poll int } }
	if len(one.Page) > 0 {
		if err := json.Unmarshal(one.Page, &page); err != nil || len(page.Records) == 0 {
			return fmt.Errorf("page %s: %w", one.Page, err)
		}
		one.poll = page.Records[0].Poll
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if n := len(v.list); one.Same && n > 0 { // of a poll that failed, say
		one.Page, one.poll = v.list[n-1].Page, v.list[n-1].poll
	}
	v.list = append(v.list, one)
	return nil
}

// had returns what the viewer has seen so far.
func (v *viewer) had() []seen {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.list)
}

// newest is the last of it, and whether there is one.
func (v *viewer) newest() (s seen, ok bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.list) == 0 {
		return s, false
	}
	return v.list[len(v.list)-1], true
}

func (v *viewer) err() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.ended
}

// all waits until each viewer has a reading of which check is true; nil: any good one.
func (a *audience) all(limit time.Duration, check func(seen) bool) time.Duration {
	a.t.Helper()
	return eventually(a.t, limit, func() error {
		for _, v := range a.list {
			if err := v.err(); err != nil {
				return err
			}
			if s, ok := v.newest(); !ok || s.Status != "ok" || check != nil && !check(s) {
				return fmt.Errorf("%s has %+v", v.name, s)
			}
		}
		return nil
	})
}

// leave has the viewers of a site go away.
func (a *audience) leave(s *site) {
	a.list = slices.DeleteFunc(a.list, func(v *viewer) bool {
		if v.site == s {
			v.stop()
		}
		return v.site == s
	})
}
