package cluster

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"
)

var (
	// ErrNoLinks reports that this node takes no links.
	ErrNoLinks = errors.New("cluster: this node takes no links")
	// ErrStranger reports a caller who has not shown that he knows the secret of the nodes.
	ErrStranger = errors.New("cluster: the caller has not shown that it is a node")
)

// The headers of a link's handshake. The secret is in none of them.
const (
	challengeHeader = "Pulsewall-Challenge" // in a refusal: what the proof is to be made of
	nonceHeader     = "Pulsewall-Nonce"     // the caller's own challenge
	callerHeader    = "Pulsewall-Caller"    // its incarnation
	calledHeader    = "Pulsewall-Called"    // whom it means
	proofHeader     = "Pulsewall-Proof"     // of the caller; in the answer of the called one
)

// challengeFor is how long a challenge is good.
const challengeFor = 10 * time.Second

// deal is what both sides of a link prove that they know: the secret, over both challenges and both incarnations.
type deal struct {
	secret, challenge, nonce, caller, called string
}

// proof is what one side ("caller" or "called") shows.
func (d deal) proof(side string) string {
	mac := hmac.New(sha256.New, []byte(d.secret))
	mac.Write(frame(nil).str("pulsewall link").str(side).str(d.challenge).str(d.nonce).str(d.caller).str(d.called))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func (d deal) header() http.Header {
	return http.Header{
		challengeHeader: {d.challenge}, nonceHeader: {d.nonce}, callerHeader: {d.caller}, calledHeader: {d.called},
		proofHeader: {d.proof("caller")},
	}
}

// same compares in a time that tells nothing.
func same(a, b string) bool { return hmac.Equal([]byte(a), []byte(b)) }

func newNonce() string { return rand.Text() }

// check says whether r is of a node that means this one.
func (n *neighbours) check(r *http.Request) (deal, error) {
	get := r.Header.Get
	d := deal{
		secret: n.far.h.opts.Secret, challenge: get(challengeHeader), nonce: get(nonceHeader), caller: get(callerHeader),
		called: get(calledHeader),
	}
	switch {
	case !same(get(proofHeader), d.proof("caller")):
		return deal{}, fmt.Errorf("%w: no proof, or a wrong one", ErrStranger)
	case d.called != n.far.h.incarnation || d.caller == d.called:
		return deal{}, fmt.Errorf("%w: it means another node", ErrStranger)
	case !n.used.take(d.challenge, time.Now()):
		return deal{}, fmt.Errorf("%w: its challenge is old", ErrStranger)
	}
	return d, nil
}

// used makes challenges that need not be remembered, and remembers those that were met, by nodes only: each is good once.
type used struct {
	key []byte // of this process alone

	mu  sync.Mutex
	met map[string]time.Time // guarded by mu
}

func newUsed() *used {
	key := make([]byte, sha256.Size)
	_, _ = rand.Read(key) // it never fails
	return &used{key: key, met: make(map[string]time.Time)}
}

// challenge is the time and chance, signed.
func (u *used) challenge(now time.Time) string {
	b := binary.BigEndian.AppendUint64(nil, uint64(now.UnixNano()))
	b = append(b, rand.Text()...)
	return base64.RawURLEncoding.EncodeToString(u.sign(b))
}

func (u *used) sign(b []byte) []byte {
	mac := hmac.New(sha256.New, u.key)
	mac.Write(b)
	return mac.Sum(b)
}

// take says whether a challenge is of this process, not old, and met for the first time.
func (u *used) take(challenge string, now time.Time) bool {
	b, err := base64.RawURLEncoding.DecodeString(challenge)
	if err != nil || len(b) < 8+sha256.Size {
		return false
	}
	head := len(b) - sha256.Size
	age := now.Sub(time.Unix(0, int64(binary.BigEndian.Uint64(b))))
	if !hmac.Equal(u.sign(b[:head:head])[head:], b[head:]) || age < 0 || age > challengeFor {
		return false
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	for old, at := range u.met {
		if now.Sub(at) > challengeFor {
			delete(u.met, old)
		}
	}
	if _, again := u.met[challenge]; again {
		return false
	}
	u.met[challenge] = now
	return true
}
