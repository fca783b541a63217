package dashboard

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pulsewall/pulsewall/auth"
	"github.com/pulsewall/pulsewall/transport"
)

// A visit ends with its token, not before; one that is over has no clock running.
func TestVisitEndsWithToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		visit := func() (*Visit, context.Context) {
			v := new(Visit)
			ctx, cancel := context.WithCancelCause(t.Context())
			v.cancel = cancel
			v.signIn(&person{Person: auth.Person{UnionID: "7", Name: "Ann", Until: time.Now().Add(time.Minute)}})
			return v, ctx
		}
		v, ctx := visit()
		left, _ := visit()
		left.release()
		if v.UnionID != "7" || v.Name != "Ann" || v.mayBecome("8") == nil {
			t.Errorf("the visit is %q's (%q), and may be another's: %v", v.UnionID, v.Name, v.mayBecome("8"))
		}
		time.Sleep(time.Minute - 1)
		synctest.Wait()
		if ctx.Err() != nil {
			t.Errorf("it ended early: %v", context.Cause(ctx))
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if cause := context.Cause(ctx); !errors.Is(cause, transport.ErrTokenEnded) {
			t.Errorf("after a minute: %v; want %v", cause, transport.ErrTokenEnded)
		}
		left.mu.Lock()
		defer left.mu.Unlock()
		if left.ended != nil {
			t.Errorf("the one that had left ended again: %v", left.ended)
		}
	})
}

// A ticket is good once, for 30 s, no longer than its token, at every node of the same secret.
func TestTicketOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		claimed := make(map[string]bool)
		claim := func(_ context.Context, name string, _ time.Duration) (bool, error) {
			first := !claimed[name]
			claimed[name] = true
			return first, nil
		}
		nodes := make([]*tickets, 3)
		for i, secret := range []string{"shared by the nodes", "shared by the nodes", "of another cluster"} {
			var err error
			if nodes[i], err = newTickets([]byte(secret), claim); err != nil {
				t.Fatal(err)
			}
		}
		ann := auth.Person{UnionID: "7", Name: "Ann", Until: time.Now().Add(time.Minute).UTC().Truncate(time.Millisecond)}
		issue := func() string {
			text, _, err := nodes[0].issue(ann)
			if err != nil {
				t.Fatal(err)
			}
			return text
		}
		redeem := func(what string, node int, text string, good bool) {
			t.Helper()
			p, err := nodes[node].redeem(t.Context(), text)
			if good && (err != nil || p.UnionID != ann.UnionID || p.Name != ann.Name || !p.Until.Equal(ann.Until)) {
				t.Errorf("%s: %+v, %v; want %+v", what, p, err, ann)
			}
			if !good && (!errors.Is(err, auth.ErrBadToken) || p != auth.Person{}) {
				t.Errorf("%s: %+v, %v; want ErrBadToken", what, p, err)
			}
		}
		one := issue()
		redeem("at another cluster", 2, one, false)
		redeem("at the other node", 1, one, true)
		redeem("there again", 1, one, false)
		redeem("where it is from", 0, one, false)
		late := issue()
		time.Sleep(ticketFor)
		redeem("after its time", 0, late, false)
		second := issue()
		redeem("the second", 0, second, true)
		time.Sleep(ticketFor - 1)
		redeem("the second again", 0, second, false)
		if _, good, _ := nodes[0].issue(ann); good.After(ann.Until) {
			t.Errorf("a ticket until %v, of a token until %v", good, ann.Until)
		}
		nodes[0].mostInUse = len(nodes[0].used) + 1
		ann.Until = time.UnixMilli(time.Now().UnixMilli() * 1000).UTC() // as who takes milliseconds for seconds gives
		redeem("the last there is room for", 0, issue(), true)
		if _, err := nodes[0].redeem(t.Context(), issue()); problem(err).Status != 503 {
			t.Errorf("one too many: %v; want 503", err)
		}
	})
}

// Where the clock of the node that gave a ticket is ahead, it lives longer here, and is good once all the same. The cluster is no help: what
// this node has claimed it may claim again.
func TestTicketOfAClockAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		node, err := newTickets([]byte("shared"), func(context.Context, string, time.Duration) (bool, error) { return true, nil })
		if err != nil {
			t.Fatal(err)
		}
		issue := func(ahead time.Duration) string {
			plain, err := json.Marshal(ticket{ID: "a", UnionID: "7", Until: time.Now().Add(time.Hour).UnixMilli(), Good: time.Now().Add(ahead + ticketFor)})
			if err != nil {
				t.Fatal(err)
			}
			return base64.RawURLEncoding.EncodeToString(node.sealer.Seal(nil, nil, plain, nil))
		}
		if _, err := node.redeem(t.Context(), issue(acceptFor)); !errors.Is(err, auth.ErrBadToken) {
			t.Errorf("of a clock a minute ahead: %v; want ErrBadToken", err)
		}
		text := issue(acceptFor - ticketFor)
		if _, err := node.redeem(t.Context(), text); err != nil {
			t.Errorf("of a clock half a minute ahead: %v", err)
		}
		for range 5 {
			time.Sleep(acceptFor / 6)
			if _, err := node.redeem(t.Context(), text); !errors.Is(err, auth.ErrBadToken) {
				t.Errorf("again: %v; want ErrBadToken", err)
			}
		}
	})
}
