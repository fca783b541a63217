package dashboard

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"github.com/pulsewall/pulsewall/feeds"
	"github.com/pulsewall/pulsewall/transport"
)

// Visit is a client that stays: one open stream, or one long poll. Admit may set who it is, Attributes and Allow; afterwards nobody may
// change it.
type Visit struct {
	Transport     transport.Kind
	Session       string               // of the hello that the client had before; empty: it is new
	UnionID, Name string               // as the client says; what Admit makes of them counts
	Subs          []feeds.Subscription // as asked for, canonical; one without a user is then of who Admit says it is
	Rooms         []string             // as asked for

	// Attributes are the program's own.
	Attributes map[string]any
	// Allow is asked before each op of a WebSocket's client (subscribe, join, send …), with the same errors as Admit. The default
	// allows all.
	Allow func(context.Context, transport.Op) error
	// Trusted has Admit take the client at its word, as without Admit. Else the client is who UnionID says, or nobody: what it asks for as
	// another, in its query or later, and records of another, are refused with 403.
	Trusted bool

	bound bool // it has a token, or Admit was asked and does not trust it

	mu      sync.Mutex
	cancel  context.CancelCauseFunc // guarded by mu: ends what its request does; nil when that has gone
	session *transport.Session      // guarded by mu: what has outlived the request
	ended   error                   // guarded by mu: by End
	over    bool                    // guarded by mu: it has left
	expiry  *time.Timer             // guarded by mu: ends it with its token; nil: there is none
}

// mayBecome refuses a client that says that it is somebody else than Admit said.
func (v *Visit) mayBecome(unionID string) error {
	if !v.bound || unionID == v.UnionID {
		return nil
	}
	return refuse(http.StatusForbidden, "unionId %q: %s", clip(unionID), v.person())
}

// mayWatch refuses records of somebody else than Admit said.
func (v *Visit) mayWatch(sub feeds.Subscription) error {
	if !v.bound || sub.UnionID == "" || sub.UnionID == v.UnionID {
		return nil
	}
	return refuse(http.StatusForbidden, "sub %q: %s", clip(sub.String()), v.person())
}

func (v *Visit) person() string {
	if v.UnionID == "" {
		return "this connection is nobody's"
	}
	return "this connection is that of " + v.UnionID
}

// End ends the visit: a WebSocket is closed with 4401 where why is transport.ErrTokenEnded, else with 4403; other streams end, after
// a bye where it was the token, and a poll that waits is answered 401 or 403. Whoever comes back meets Admit. It may be called from when
// Admit was called, at any time, by any goroutine and again, and does not wait.
func (v *Visit) End(why error) {
	if !errors.Is(why, transport.ErrTokenEnded) {
		why = fmt.Errorf("%w: %w", transport.ErrWithdrawn, why)
	}
	v.mu.Lock()
	if v.ended == nil {
		v.ended = why
	}
	cancel, session := v.cancel, v.session
	v.mu.Unlock()
	if cancel != nil {
		cancel(why)
	}
	if session != nil {
		session.End(why)
	}
}

// signIn has the visit be the person's, until its token ends.
func (v *Visit) signIn(p *person) {
	v.UnionID, v.Name, v.bound = p.UnionID, p.Name, true
	v.mu.Lock()
	defer v.mu.Unlock()
	v.expiry = time.AfterFunc(time.Until(p.Until), func() { v.End(transport.ErrTokenEnded) })
}

// outlives says that the visit is the session's from now on, whose request goes.
func (v *Visit) outlives(s *transport.Session) {
	v.mu.Lock()
	if v.cancel = nil; !v.over { // else the session has ended already
		v.session = s
	}
	ended := v.ended
	v.mu.Unlock()
	if ended != nil {
		s.End(ended)
	}
}

// release ends what the request of a visit does that is over.
func (v *Visit) release() {
	v.mu.Lock()
	cancel := v.cancel
	v.cancel, v.session, v.over = nil, nil, true
	if v.expiry != nil {
		v.expiry.Stop()
	}
	v.mu.Unlock()
	if cancel != nil {
		cancel(nil)
	}
}

// admitWithin is how long Admit may take.
const admitWithin = 10 * time.Second

var (
	errUnsure   = refuse(http.StatusServiceUnavailable, "the server cannot find out now whether this is allowed: try again").after(5 * time.Second)
	errPanicked = errors.New("the server panicked")
)

// enter lets in a client that stays for as long as serve serves it, like letIn.
func (d *Dashboard) enter(w http.ResponseWriter, r *http.Request, v *Visit, serve func(*http.Request) error) {
	d.letIn(w, r, v, func(r *http.Request, s *stay) error {
		err := serve(r)
		if err == nil {
			s.leave(nil)
		}
		return err
	})
}

// letIn lets in a client that stays. It does what is alike on all its addresses: it checks the origin, as each counts somebody as online
// and has sources polled, the limits, and what Admit says; then it serves. The request that serve gets ends with the visit. An error of serve
// is the end of the visit, and refused if no answer has begun; else the stay must leave, if need be later.
func (d *Dashboard) letIn(w http.ResponseWriter, r *http.Request, v *Visit, serve func(*http.Request, *stay) error) {
	if err := d.checkOrigin(r); err != nil {
		d.refuse(w, r, err)
		return
	}
	if d.hub.Draining() {
		d.refuse(w, r, errLeaving)
		return
	}
	visit, s, err := d.admit(r, v)
	if err != nil {
		d.refuse(w, r, err)
		return
	}
	err = errPanicked
	defer func() {
		if err != nil {
			s.leave(err)
		}
	}()
	err = serve(visit, s)
	switch {
	case err == nil:
	case !begun(w) && r.Context().Err() == nil: // the hub has closed in the meantime, or the visit was ended
		d.refuse(w, r, err)
	default:
		d.tellEnd(v, err)
	}
}

// tellEnd logs what ended a stream.
func (d *Dashboard) tellEnd(v *Visit, err error) {
	if err != nil && !errors.Is(err, transport.ErrClosed) {
		d.log.Debug("stream ended", "transport", v.Transport, "err", err)
	}
}

// admit counts the visit and asks the program whether it may begin, and who it is. Whoever is admitted must leave, with what ended the visit.
// visit is r with a context that ends with the visit.
func (d *Dashboard) admit(r *http.Request, v *Visit) (visit *http.Request, s *stay, err error) {
	s = &stay{d: d, visit: v, from: d.clientAddr(r)}
	if err := d.gate.enter(s.from); err != nil {
		return nil, nil, err
	}
	ctx, end := context.WithCancelCause(r.Context())
	v.cancel = end
	said := v.UnionID
	if err := d.askAdmit(r, v); err != nil {
		end(err)
		v.release()
		d.gate.leave(s.from)
		return nil, nil, err
	}
	if said != "" {
		if err := v.mayBecome(said); err != nil {
			s.leave(err)
			return nil, nil, err
		}
	}
	return r.WithContext(ctx), s, nil
}

func (d *Dashboard) askAdmit(r *http.Request, v *Visit) (err error) {
	signed := signedInAs(r.Context())
	if signed != nil {
		v.signIn(signed)
	}
	if d.opts.Admit == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(r.Context(), admitWithin)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			d.log.Error("Admit panicked", "panic", p, "stack", string(debug.Stack()))
			err = errFailed
		}
	}()
	if err := d.opts.Admit(r.WithContext(ctx), v); err != nil {
		return answerOf(err)
	}
	if v.UnionID, err = feeds.ParseUnionID(v.UnionID); err != nil {
		return fmt.Errorf("who Admit says it is: %v", err) //nolint:errorlint // it is no mistake of the client, so not to be told as one
	}
	v.bound = !v.Trusted || signed != nil
	if err := checkName(v.Name); err != nil {
		return fmt.Errorf("what Admit calls it: %v", err) //nolint:errorlint // likewise
	}
	return nil
}

// askAllow asks the program whether the client may do what it asks in band. A panic is caught as any of an op is.
func (d *Dashboard) askAllow(ctx context.Context, v *Visit, op transport.Op) error {
	if v.Allow == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, admitWithin)
	defer cancel()
	if err := v.Allow(ctx, op); err != nil {
		return answerOf(err)
	}
	return nil
}

// answerOf is what a client is told of an error of the program that mounts this one.
func answerOf(err error) error {
	var p *Problem
	switch {
	case errors.As(err, &p) && p.Status >= 400 && p.Status <= 599:
		again := p.RetryAfter
		if again <= 0 && (p.Status == http.StatusTooManyRequests || p.Status == http.StatusServiceUnavailable) {
			again = errUnsure.RetryAfter // these always say when
		}
		return refuse(p.Status, "%s", p.Detail).after(again)
	case errors.Is(err, context.DeadlineExceeded):
		return errUnsure
	}
	return fmt.Errorf("hook: %v", err) //nolint:errorlint // only a Problem is for clients
}

func (d *Dashboard) tellLeft(v *Visit, err error) {
	if d.opts.Left == nil {
		return
	}
	defer func() {
		if p := recover(); p != nil {
			d.log.Error("Left panicked", "panic", p, "stack", string(debug.Stack()))
		}
	}()
	d.opts.Left(v, err)
}
