package feeds

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// PushOptions describe a feed that programs push to: its records are those of the newest push, and stay until the next.
type PushOptions struct {
	Key       Secret `yaml:"key,omitempty"`       // who has it may push; at least 16 characters
	PerUser   bool   `yaml:"perUser,omitempty"`   // each push is for one user
	MaxBytes  int    `yaml:"maxBytes,omitempty"`  // of one push, 1 KiB to 16 MiB; default 1 MiB
	PerSecond int    `yaml:"perSecond,omitempty"` // pushes in a second, of which only the newest in a minGap is shown; 1 to 1,000; default 20
}

// Bounds of what is pushed.
const (
	shortestKey    = 16
	mostPushed     = 64 << 20 // bytes of all users together; who was pushed longest ago is forgotten first
	mostUsers      = 10_000
	mostRecords    = 10_000 // of one push
	defaultBytes   = 1 << 20
	defaultPushes  = 20
	fewestBytes    = 1 << 10
	mostBytes      = 16 << 20
	mostPerSecond  = 1000
	pushedExamples = `want an array of records, [{"id":"a","value":1}], or {"records":[…]}`
)

// ErrBadPush reports a push that cannot be shown: its text says what was wrong, and what is allowed.
var ErrBadPush = errors.New("bad push")

// Push is a Source to which records are pushed. Its methods may be called concurrently.
type Push struct {
	opts  PushOptions
	key   [sha256.Size]byte
	pace  *rate.Limiter
	mu    sync.Mutex
	wake  func(unionID string) // guarded by mu, like all below; nil: it does not run
	byID  map[string]*pushed   // the newest push, by unionId
	order idle[*pushed]        // who was pushed longest ago first
	size  int                  // bytes of all
}

// pushed is the newest push for one user, or for all.
type pushed struct {
	unionID string
	records []byte // JSON
	at      time.Time
	seat    seat
}

// NewPush returns a source that is empty until something is pushed. Errors are a *OptionError.
func NewPush(o PushOptions) (*Push, error) {
	o.MaxBytes = cmp.Or(o.MaxBytes, defaultBytes)
	o.PerSecond = cmp.Or(o.PerSecond, defaultPushes)
	switch n := len(o.Key.Reveal()); {
	case n == 0:
		return nil, &OptionError{Key: "key", Problem: "missing: want a secret of at least 16 characters, as ${PUSH_KEY}"}
	case n < shortestKey:
		return nil, &OptionError{Key: "key", Problem: fmt.Sprintf("has %d characters: want at least %d", n, shortestKey)}
	case o.MaxBytes < fewestBytes || o.MaxBytes > mostBytes:
		return nil, &OptionError{Key: "maxBytes", Problem: fmt.Sprintf("%d: %d to %d is allowed", o.MaxBytes, fewestBytes, mostBytes)}
	case o.PerSecond < 1 || o.PerSecond > mostPerSecond:
		return nil, &OptionError{Key: "perSecond", Problem: fmt.Sprintf("%d: 1 to %d is allowed", o.PerSecond, mostPerSecond)}
	}
	return &Push{
		opts: o, key: sha256.Sum256([]byte(o.Key.Reveal())), byID: make(map[string]*pushed),
		pace: rate.NewLimiter(rate.Limit(o.PerSecond), 2*o.PerSecond),
	}, nil
}

// PushOf returns the source of a feed that is pushed to, whatever it is wrapped in.
func PushOf(s Source) (p *Push, ok bool) {
	for s != nil {
		if p, ok := s.(*Push); ok {
			return p, true
		}
		w, ok := s.(interface{ Unwrap() Source })
		if !ok {
			break
		}
		s = w.Unwrap()
	}
	return nil, false
}

// Describe says that nothing is polled.
func (p *Push) Describe() Description {
	return Description{Whole: true, Pushed: true, PerUser: p.opts.PerUser}
}

// Run passes on that something was pushed, until ctx ends.
func (p *Push) Run(ctx context.Context, wake func(unionID string)) error {
	p.mu.Lock()
	p.wake = wake
	early := slices.Collect(maps.Keys(p.byID))
	p.mu.Unlock()
	for _, unionID := range early {
		wake(unionID)
	}
	<-ctx.Done()
	p.mu.Lock()
	p.wake = nil
	p.mu.Unlock()
	return nil
}

// Poll returns the newest push.
func (p *Push) Poll(_ context.Context, q Query) (Result, error) {
	p.mu.Lock()
	newest := p.byID[q.UnionID]
	p.mu.Unlock()
	if newest == nil {
		return Result{}, errNothingYet
	}
	records, err := readRecords(newest.records)
	return Result{Records: records, At: newest.at}, err
}

// Allows says whether who has the key may push. It takes as long for every wrong key of one length.
func (p *Push) Allows(key string) bool {
	sum := sha256.Sum256([]byte(key))
	return subtle.ConstantTimeCompare(sum[:], p.key[:]) == 1
}

// InTime says whether one more push may come now.
func (p *Push) InTime() bool { return p.pace.Allow() }

// MaxBytes is how large a push may be.
func (p *Push) MaxBytes() int { return p.opts.MaxBytes }

// PerSecond is how many pushes may come in a second.
func (p *Push) PerSecond() int { return p.opts.PerSecond }

// Receipt is what became of a push.
type Receipt struct {
	UnionID string    // whose records these are; empty: everybody's
	Records int       // how many
	At      time.Time // when they came
}

// Put makes a body the newest push of the given user, whom the body may name as well. Errors are an ErrBadPush.
func (p *Push) Put(unionID string, body []byte) (Receipt, error) {
	b, err := readPush(body)
	if err != nil {
		return Receipt{}, err
	}
	if unionID, err = p.user(unionID, b.UnionID); err != nil {
		return Receipt{}, err
	}
	records, err := readRecords(b.Records)
	if err != nil {
		return Receipt{}, err
	}
	if n := len(records); b.Total != nil && *b.Total != n {
		return Receipt{}, badPush("total is %d, and there are %d records: want all of them, since the pages are cut here", *b.Total, n)
	}
	if err := checkSize(records); err != nil {
		return Receipt{}, badPush("%s", err)
	}
	at := time.Now()
	kept := bytes.Clone(b.Records) // not the whole body, of which it may be a small part
	if wake := p.keep(&pushed{unionID: unionID, records: kept, at: at}); wake != nil {
		wake(unionID)
	}
	return Receipt{UnionID: unionID, Records: len(records), At: at}, nil
}

// keep makes n the newest, and forgets who was pushed longest ago where there are too many.
func (p *Push) keep(n *pushed) (wake func(string)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forget(p.byID[n.unionID])
	p.byID[n.unionID] = n
	p.size += len(n.records)
	p.order.named(n, &n.seat)
	for oldest := range p.order.each {
		if p.size <= mostPushed && len(p.byID) <= mostUsers || oldest == n {
			break
		}
		p.forget(oldest)
	}
	return p.wake
}

func (p *Push) forget(old *pushed) {
	if old == nil {
		return
	}
	delete(p.byID, old.unionID)
	p.size -= len(old.records)
	p.order.leave(&old.seat)
}

// user is whose push it is, as the request or its body says.
func (p *Push) user(asked string, named any) (string, error) {
	var body string
	switch v := named.(type) {
	case nil:
	case json.Number:
		body = v.String()
	case string:
		body = v
	default:
		return "", badPush("unionId is no number and no string")
	}
	id, err := ParseUnionID(cmp.Or(asked, body))
	if err != nil {
		return "", err
	}
	if other, err := ParseUnionID(cmp.Or(body, asked)); err != nil || other != id {
		return "", badPush("unionId is %s in the address and %s in the body: want one", quote(asked), quote(body))
	}
	switch {
	case p.opts.PerUser && id == "":
		return "", badPush("unionId is missing: each user has records of their own; want ?unionId=7, or it beside the records")
	case !p.opts.PerUser && id != "":
		return "", badPush("unionId %s: all users share these records, so none is allowed", id)
	}
	return id, nil
}

// pushBody is what is pushed.
type pushBody struct {
	Records json.RawMessage `json:"records"`
	Total   *int            `json:"total"`
	UnionID any             `json:"unionId"`
}

// readPush takes an array of records too.
func readPush(body []byte) (pushBody, error) {
	body = bytes.TrimSpace(body)
	if len(body) > 0 && body[0] == '[' {
		return pushBody{Records: body}, nil
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	d.DisallowUnknownFields()
	var b pushBody
	if err := d.Decode(&b); err != nil {
		return pushBody{}, badPush("%s: %s", clip(err.Error(), maxSentence), pushedExamples)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return pushBody{}, badPush("something follows the JSON: %s", pushedExamples)
	}
	if len(b.Records) == 0 {
		return pushBody{}, badPush("records are missing: %s", pushedExamples)
	}
	return b, nil
}

// readRecords reads an array of objects.
func readRecords(data []byte) ([]Record, error) {
	var records []Record
	if err := unmarshal(data, &records); err != nil {
		return nil, badPush("%s: %s", clip(err.Error(), maxSentence), pushedExamples)
	}
	switch {
	case records == nil:
		return nil, badPush("records are null: %s", pushedExamples)
	case len(records) > mostRecords:
		return nil, badPush("%d records: %d are allowed", len(records), mostRecords)
	}
	for i, r := range records {
		if r == nil {
			return nil, badPush("record %d is null: %s", i+1, pushedExamples)
		}
		for name, v := range r {
			r[name] = plainNumbers(v)
		}
	}
	return records, nil
}

func badPush(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrBadPush}, args...)...)
}
