package dashboard

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/pulsewall/pulsewall/feeds"
	"github.com/pulsewall/pulsewall/transport"
)

const (
	pushEvery  = 10 * time.Second
	pushGrace  = 2 * time.Second        // that a push waits for a reading that is about to come
	pushEarly  = 500 * time.Millisecond // how long before its time a reading is about to come
	wantObject = `want a JSON object, for example {"unionId":1,"current":1,"size":10}`
)

// getMsg serves /msg: pages of one feed are pushed, and what the client says is answered with the time.
func (d *Dashboard) getMsg(w http.ResponseWriter, r *http.Request) {
	d.openOlder(w, r, &Visit{Transport: transport.Pushes}, func(ctx context.Context, s *olderSocket) (answerer, func()) {
		ctx, stop := context.WithCancel(ctx)
		p := &pusher{olderSocket: s}
		return func(_ context.Context, text []byte) ([]byte, error) { return p.answer(ctx, text) }, func() {
			stop()
			p.pushing.Wait()
		}
	})
}

// pusher is a client of /msg. One goroutine calls its methods.
type pusher struct {
	*olderSocket
	started bool
	pushing sync.WaitGroup
}

// wanted is what a text of the client says. Numbers may be strings: unionIds of 64 bits have to be in some languages.
type wanted struct {
	UnionID json.RawMessage `json:"unionId"`
	Current json.RawMessage `json:"current"`
	Size    json.RawMessage `json:"size"`
}

// parseWanted reads a JSON object.
func parseWanted(text []byte) (wanted, error) {
	var w wanted
	text = bytes.TrimSpace(text)
	if len(text) == 0 || text[0] != '{' || json.Unmarshal(text, &w) != nil {
		return wanted{}, refuse(http.StatusBadRequest, "%q: %s", clip(string(text)), wantObject)
	}
	return w, nil
}

// answer starts the push at the first text, and answers each later one with the time.
func (p *pusher) answer(ctx context.Context, text []byte) ([]byte, error) {
	w, err := parseWanted(text)
	if err != nil {
		return nil, err
	}
	user, err := p.user(w)
	if err != nil {
		return nil, err
	}
	if !p.started {
		return nil, p.start(ctx, user, w)
	}
	return timeText(time.Now()), p.become(ctx, user)
}

// user is who the client says it is, now or before. What Admit made of it stands.
func (p *pusher) user(w wanted) (string, error) {
	named, err := feeds.ParseUnionID(unquoted(w.UnionID))
	switch {
	case err != nil:
		return "", err
	case named == "":
		return p.UnionID(), nil
	}
	return named, p.visit.mayBecome(named)
}

func (p *pusher) become(ctx context.Context, user string) error {
	if user == p.UnionID() {
		return nil
	}
	return p.Become(ctx, user)
}

// start begins the push. A text that cannot start it changes nothing.
func (p *pusher) start(ctx context.Context, user string, w wanted) error {
	sub, err := p.d.pageWanted(user, w)
	if err != nil {
		return err
	}
	if err := p.d.askAllow(ctx, p.visit, transport.Op{Op: "subscribe", Sub: sub.String()}); err != nil {
		return err
	}
	release, err := p.d.scheduler.Watch(sub)
	if err != nil {
		return err
	}
	if err := p.become(ctx, user); err != nil {
		release()
		return err
	}
	p.started = true
	p.pushing.Go(func() {
		defer release()
		p.push(ctx, sub)
	})
	return nil
}

// pageWanted is the subscription to the feed of /msg that the first text asks for.
func (d *Dashboard) pageWanted(user string, w wanted) (feeds.Subscription, error) {
	sub := feeds.Subscription{Feed: d.opts.MsgFeed, UnionID: user}
	if user == "" && d.abouts[sub.Feed].PerUser {
		return sub, refuse(http.StatusBadRequest, "unionId is missing: each user has records of their own in %s; %s", sub.Feed, wantObject)
	}
	for _, n := range []struct {
		name string
		raw  json.RawMessage
		most int
		into *int
	}{{"current", w.Current, feeds.MaxCurrent, &sub.Current}, {"size", w.Size, feeds.MaxSize, &sub.Size}} {
		var err error
		if *n.into, err = number(map[string][]string{n.name: {unquoted(n.raw)}}, n.name, 0, n.most); err != nil {
			return sub, err
		}
	}
	return d.resolve(sub)
}

// push writes the page now and every 10 s, each as one text, until ctx or the connection ends.
func (p *pusher) push(ctx context.Context, sub feeds.Subscription) {
	r, err := p.d.firstPage(ctx, sub)
	ticker := time.NewTicker(pushEvery)
	defer ticker.Stop()
	for ctx.Err() == nil {
		if p.Say(p.d.pageText(r, err)) != nil {
			return
		}
		select {
		case <-ticker.C:
			r, err = p.d.nextPage(ctx, sub)
		case <-ctx.Done():
		}
	}
}

// firstPage is the newest reading; where there is none, the first, which may take the whole time until the next push.
func (d *Dashboard) firstPage(ctx context.Context, sub feeds.Subscription) (feeds.Reading, error) {
	ctx, cancel := context.WithTimeout(ctx, pushEvery)
	defer cancel()
	r, err := d.scheduler.Newest(ctx, sub)
	for err == nil && r.Status == feeds.Loading {
		had := r.Version
		if r, err = d.scheduler.After(ctx, sub, had); r.Version == had {
			break // nothing came in time, or the scheduler has ended
		}
	}
	return r, err
}

// nextPage is the newest reading, from memory. One that is about to be replaced is waited for a moment: else it would be chance whether a
// push that comes as often as the readings brings the last one or the one before it.
func (d *Dashboard) nextPage(ctx context.Context, sub feeds.Subscription) (feeds.Reading, error) {
	r, err := d.scheduler.Newest(ctx, sub)
	if err != nil || r.Due.IsZero() || time.Since(r.Seen) < r.Gap-pushEarly {
		return r, err
	}
	ctx, cancel := context.WithTimeout(ctx, pushGrace)
	defer cancel()
	return d.scheduler.After(ctx, sub, r.Version)
}

// pageText is what is pushed of a reading: its page bare, or why there is none that is not old.
func (d *Dashboard) pageText(r feeds.Reading, err error) []byte {
	switch {
	case err != nil:
		return errorText(problem(err).Detail)
	case d.isLate(r):
		return errorText(fmt.Sprintf("the poll of %s is late: it was read last at %s", r.Sub.Feed, timeText(r.At)))
	case r.Status == feeds.OK && !d.scheduler.SourceOld(r):
		return d.contentOf(r).bare()
	case r.Status == feeds.Loading:
		return errorText(fmt.Sprintf("%s has not been read in time", r.Sub.Feed))
	case r.Status == feeds.OK, r.Reason == feeds.ReasonSourceOld:
		return errorText(fmt.Sprintf("the data of %s is old: its newest is of %s", r.Sub.Feed, timeText(r.SourceAt)))
	}
	return errorText(r.Error)
}

// isLate says whether a newer reading should have come, even though it was waited for.
func (d *Dashboard) isLate(r feeds.Reading) bool {
	return r.Page != nil && !r.Due.IsZero() && time.Since(r.Seen) >= r.Gap+pushGrace
}

// timeText is a time as older clients are told it, and as new Date(text) reads it: RFC 3339, UTC, milliseconds.
func timeText(t time.Time) []byte { return t.UTC().AppendFormat(nil, "2006-01-02T15:04:05.000Z") }
