package dashboard

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/pulsewall/pulsewall/auth"
)

const (
	ticketFor   = 30 * time.Second
	acceptFor   = 2 * ticketFor // at most, where the clock of the node that gave it is ahead
	mostTickets = 100_000       // that were used, and are remembered for as long as they could be used again
	claimWithin = 2 * time.Second
)

var errBadTicket = fmt.Errorf("%w: the ticket is not of this server, is over, or was used before: each is good once, for %d seconds",
	auth.ErrBadToken, int(ticketFor.Seconds()))

// tickets open one stream each, for pages whose WebSocket and EventSource can show no token. A ticket holds all there is to know, sealed
// with a key, so that one which is never used costs nothing; those that were used are remembered, here and in the cluster.
type tickets struct {
	sealer cipher.AEAD
	claim  func(ctx context.Context, name string, keep time.Duration) (bool, error)

	mu        sync.Mutex
	used      map[string]bool // guarded by mu: since turned
	usedLast  map[string]bool // guarded by mu: in the time before
	turned    time.Time       // guarded by mu
	mostInUse int
}

// ticket is what one says when it is unsealed.
type ticket struct {
	ID      string    `json:"id"`
	UnionID string    `json:"unionId"`
	Name    string    `json:"name,omitempty"`
	Until   int64     `json:"until"` // of the token, Unix milliseconds: years of five digits are no JSON times
	Good    time.Time `json:"good"`  // of the ticket
}

// takeAuth makes what Options.Auth needs.
func (d *Dashboard) takeAuth() error {
	a := d.opts.Auth
	if a == nil {
		return nil
	}
	if a.Verify == nil {
		return errors.New("auth: who verifies tokens is missing")
	}
	claim := func(ctx context.Context, name string, keep time.Duration) (bool, error) {
		return d.cluster.Claim(ctx, name, keep)
	}
	var err error
	d.tickets, err = newTickets(a.TicketKey, claim)
	return err
}

// newTickets makes tickets of a secret; an empty one is replaced by one that nobody knows.
func newTickets(secret []byte, claim func(context.Context, string, time.Duration) (bool, error)) (*tickets, error) {
	if len(secret) == 0 {
		secret = []byte(rand.Text() + rand.Text())
	}
	key, err := hkdf.Key(sha256.New, secret, nil, "pulsewall tickets", 32)
	if err != nil {
		return nil, fmt.Errorf("key of tickets: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("key of tickets: %w", err)
	}
	sealer, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("key of tickets: %w", err)
	}
	return &tickets{sealer: sealer, claim: claim, used: make(map[string]bool), turned: time.Now(), mostInUse: mostTickets}, nil
}

// issue makes a ticket, and says until when it is good: not longer than the token.
func (t *tickets) issue(p auth.Person) (text string, good time.Time, err error) {
	good = time.Now().Add(ticketFor)
	if p.Until.Before(good) {
		good = p.Until
	}
	plain, err := json.Marshal(ticket{ID: rand.Text(), UnionID: p.UnionID, Name: p.Name, Until: p.Until.UnixMilli(), Good: good})
	if err != nil {
		return "", good, fmt.Errorf("ticket: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(t.sealer.Seal(nil, nil, plain, nil)), good, nil //nolint:gosec // this sealer makes its own nonce
}

// redeem says whose the ticket is, once.
func (t *tickets) redeem(ctx context.Context, text string) (auth.Person, error) {
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return auth.Person{}, errBadTicket
	}
	plain, err := t.sealer.Open(nil, nil, sealed, nil)
	if err != nil {
		return auth.Person{}, errBadTicket
	}
	var got ticket
	if json.Unmarshal(plain, &got) != nil {
		return auth.Person{}, errBadTicket
	}
	if left := time.Until(got.Good); left <= 0 || left > acceptFor { // one that was used is remembered for no longer
		return auth.Person{}, errBadTicket
	}
	if err := t.use(got.ID); err != nil {
		return auth.Person{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, claimWithin)
	defer cancel()
	first, err := t.claim(ctx, "ticket/"+got.ID, time.Until(got.Good)+acceptFor) // clocks of nodes differ
	if err != nil {
		return auth.Person{}, refuse(http.StatusServiceUnavailable, "it is not known whether the ticket was used at another node: come with a new one").after(time.Second)
	}
	if !first {
		return auth.Person{}, errBadTicket
	}
	return auth.Person{UnionID: got.UnionID, Name: got.Name, Until: time.UnixMilli(got.Until)}, nil
}

// use notes that the ticket was used here.
func (t *tickets) use(id string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if time.Since(t.turned) > acceptFor { // what was used before the last turn is over by now
		t.usedLast, t.used, t.turned = t.used, make(map[string]bool), time.Now()
	}
	if t.used[id] || t.usedLast[id] {
		return errBadTicket
	}
	if len(t.used) >= t.mostInUse {
		return refuse(http.StatusServiceUnavailable, "%d tickets were used in a minute: no more can be remembered", len(t.used)).after(5 * time.Second)
	}
	t.used[id] = true
	return nil
}

// ticketAnswer is what POST /api/tickets answers.
type ticketAnswer struct {
	Ticket string `json:"ticket"`
	Until  stamp  `json:"until"`
}

// postTicket gives who has a token a ticket.
func (d *Dashboard) postTicket(w http.ResponseWriter, r *http.Request) {
	if err := d.checkOrigin(r); err != nil {
		d.refuse(w, r, err)
		return
	}
	if d.tickets == nil {
		d.refuse(w, r, refuse(http.StatusNotFound, "there are no tickets: this server asks nobody for a token"))
		return
	}
	text, good, err := d.tickets.issue(signedInAs(r.Context()).Person)
	if err != nil {
		d.refuse(w, r, err)
		return
	}
	writeJSON(w, http.StatusCreated, ticketAnswer{text, stamp(good)})
}
