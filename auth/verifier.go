package auth

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

var (
	// ErrBadToken reports a token that is not to be trusted. Its text says why and nothing of the token; a client may read it.
	ErrBadToken = errors.New("the token is not accepted")
	// ErrUnsure reports that the keys cannot be had now. The same token may be good in a moment.
	ErrUnsure = errors.New("the keys that tokens are signed with cannot be read now")
)

const (
	leastSecret = 32      // bytes
	mostToken   = 8 << 10 // bytes
	leeway      = 30 * time.Second
)

// HS256 is the algorithm of a secret; all others have keys.
const HS256 = "HS256"

// Algorithms are those that tokens may be signed with (RFC 7518, 3.1; RFC 8037).
func Algorithms() []string {
	return []string{HS256, "RS256", "RS384", "RS512", "ES256", "ES384", "EdDSA"}
}

// Person is who a token says that somebody is.
type Person struct {
	UnionID, Name string    // as the token has them; the name may be empty
	Until         time.Time // the end of the token
}

// Options say which tokens are good.
type Options struct {
	Algorithm string // the only one; of Algorithms
	Secret    []byte // of HS256: 32 bytes or more
	Keys      string // of all others: a JWK Set (RFC 7517), as a file or an https URL; on loopback http too
	Issuer    string // that iss must be; empty: any
	Audience  string // that must be in aud; empty: any
	Claim     string // that holds the unionId; default sub
	NameClaim string // that holds what to call somebody; default name
	Logger    *slog.Logger
}

// Verifier verifies tokens. Its methods may be called concurrently.
type Verifier struct {
	opts   Options
	parser *jwt.Parser
	keys   *keySet // nil: there is a secret
}

// New checks opts. A file of keys must be there and hold one for the algorithm; a URL is asked with the first token.
func New(opts Options) (*Verifier, error) {
	opts.Claim, opts.NameClaim = cmp.Or(opts.Claim, "sub"), cmp.Or(opts.NameClaim, "name")
	opts.Logger = cmp.Or(opts.Logger, slog.Default())
	v := &Verifier{opts: opts}
	switch {
	case !slices.Contains(Algorithms(), opts.Algorithm):
		return nil, fmt.Errorf("algorithm %q; allowed: %s", opts.Algorithm, strings.Join(Algorithms(), ", "))
	case opts.Algorithm == HS256 && opts.Keys != "":
		return nil, errors.New("keys are for the other algorithms: HS256 takes a secret")
	case opts.Algorithm == HS256 && len(opts.Secret) < leastSecret:
		return nil, fmt.Errorf("a secret of %d bytes; HS256 takes %d or more, for example of openssl rand -hex 32", len(opts.Secret), leastSecret)
	case opts.Algorithm != HS256 && len(opts.Secret) > 0:
		return nil, fmt.Errorf("a secret is for HS256: %s takes keys", opts.Algorithm)
	case opts.Algorithm != HS256:
		var err error
		if v.keys, err = newKeySet(opts.Keys, opts.Algorithm, opts.Logger); err != nil {
			return nil, err
		}
	}
	rules := []jwt.ParserOption{
		jwt.WithValidMethods([]string{opts.Algorithm}), jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithLeeway(leeway),
		jwt.WithJSONNumber(), jwt.WithStrictDecoding(),
	}
	if opts.Issuer != "" {
		rules = append(rules, jwt.WithIssuer(opts.Issuer))
	}
	if opts.Audience != "" {
		rules = append(rules, jwt.WithAudience(opts.Audience))
	}
	v.parser = jwt.NewParser(rules...)
	return v, nil
}

// Verify says whose the token is. Errors are ErrBadToken and ErrUnsure, or the end of ctx.
func (v *Verifier) Verify(ctx context.Context, token string) (Person, error) {
	if len(token) > mostToken {
		return Person{}, fmt.Errorf("%w: it has %d bytes, at most %d are allowed", ErrBadToken, len(token), mostToken)
	}
	claims := jwt.MapClaims{}
	_, err := v.parser.ParseWithClaims(token, claims, func(t *jwt.Token) (any, error) {
		if _, has := t.Header["crit"]; has { // it names what must be understood (RFC 7515, 4.1.11), and none of it is
			return nil, errCritical
		}
		if v.keys == nil {
			return v.opts.Secret, nil
		}
		kid, _ := t.Header["kid"].(string)
		return v.keys.find(ctx, kid)
	})
	if err != nil {
		return Person{}, told(err)
	}
	return v.person(claims)
}

func (v *Verifier) person(claims jwt.MapClaims) (Person, error) {
	until, err := claims.GetExpirationTime()
	if err != nil || until == nil {
		return Person{}, fmt.Errorf("%w: it has no exp", ErrBadToken)
	}
	if !time.Now().Before(until.Time) { // the leeway is for the beginning: a stream ends at exp
		return Person{}, fmt.Errorf("%w: it has expired", ErrBadToken)
	}
	p := Person{Until: until.Time}
	switch id := claims[v.opts.Claim].(type) {
	case string:
		p.UnionID = id
	case json.Number:
		p.UnionID = id.String()
	}
	if p.UnionID == "" {
		return Person{}, fmt.Errorf("%w: it has no claim %s that is a string or a number", ErrBadToken, v.opts.Claim)
	}
	p.Name, _ = claims[v.opts.NameClaim].(string)
	return p, nil
}

var errCritical = errors.New("crit")

// faults are what may be wrong with a token, in the words for clients. What is first in the list is told.
var faults = []struct {
	err  error
	says string
}{
	{errCritical, "its header has crit"},
	{jwt.ErrTokenMalformed, "it is no JSON Web Token"},
	{jwt.ErrTokenUnverifiable, "it is signed with a key that is not known"},
	{jwt.ErrTokenSignatureInvalid, "its signature is not right, or of another algorithm than is configured"},
	{jwt.ErrTokenExpired, "it has expired"},
	{jwt.ErrTokenNotValidYet, "it is not valid yet"},
	{jwt.ErrTokenUsedBeforeIssued, "it was issued in the future"},
	{jwt.ErrTokenInvalidAudience, "it is for another audience"},
	{jwt.ErrTokenInvalidIssuer, "it is of another issuer"},
	{jwt.ErrTokenRequiredClaimMissing, "it lacks a claim that is demanded: exp, or iss or aud as configured"},
}

// told is an error of the library without anything of the token.
func told(err error) error {
	for _, ours := range []error{ErrUnsure, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, ours) {
			return ours
		}
	}
	for _, f := range faults {
		if errors.Is(err, f.err) {
			return fmt.Errorf("%w: %s", ErrBadToken, f.says)
		}
	}
	return ErrBadToken
}
