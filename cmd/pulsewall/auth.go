package main

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"regexp"
	"strings"

	"github.com/pulsewall/pulsewall/auth"
	"github.com/pulsewall/pulsewall/dashboard"
)

// authConfig says who may watch.
type authConfig struct {
	Kind      authKind      `yaml:"kind,omitempty"`
	Algorithm authAlgorithm `yaml:"algorithm,omitempty"`
	Secret    authSecret    `yaml:"secret,omitempty"`
	Keys      string        `yaml:"keys,omitempty"`
	Issuer    string        `yaml:"issuer,omitempty"`
	Audience  string        `yaml:"audience,omitempty"`
	Claim     string        `yaml:"claim,omitempty"`
	NameClaim string        `yaml:"nameClaim,omitempty"`
	Cookie    cookieName    `yaml:"cookie,omitempty"`
}

type (
	authKind      string // none or jwt
	authAlgorithm string // of auth.Algorithms
	authSecret    string // 32 to 1024 bytes
	cookieName    string // RFC 6265, 4.1.1
)

// UnmarshalText reads how somebody shows who he is.
func (v *authKind) UnmarshalText(text []byte) error {
	*v = authKind(text)
	return oneOf(string(text), "none", "jwt")
}

// UnmarshalText reads the algorithm of tokens.
func (v *authAlgorithm) UnmarshalText(text []byte) error {
	*v = authAlgorithm(text)
	return oneOf(string(text), auth.Algorithms()...)
}

// UnmarshalText reads a secret. Its error does not tell it.
func (v *authSecret) UnmarshalText(text []byte) error {
	if len(text) < 32 || len(text) > 1024 {
		return fmt.Errorf("a secret of %d bytes; allowed: 32 to 1024, for example of openssl rand -hex 32", len(text))
	}
	*v = authSecret(text)
	return nil
}

var cookiePattern = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$")

// UnmarshalText reads the name of a cookie.
func (v *cookieName) UnmarshalText(text []byte) error {
	if !cookiePattern.Match(text) {
		return fmt.Errorf("%q is not the name of a cookie; allowed: 1 to 64 letters, digits and - _ . and the like", text)
	}
	*v = cookieName(text)
	return nil
}

// authFlags are authConfig on the command line and in the environment.
type authFlags struct {
	Auth          authKind      `help:"Who may watch: none (everybody who reaches the address) or jwt (who has a token; needs --auth-algorithm) (default none)." placeholder:"KIND"`
	AuthAlgorithm authAlgorithm `help:"What tokens are signed with, and nothing else: HS256, RS256, RS384, RS512, ES256, ES384 or EdDSA." placeholder:"NAME"`
	AuthSecret    authSecret    `help:"Secret of HS256, 32 bytes or more. Better by its variable: others can read a command line." placeholder:"SECRET"`
	AuthKeys      string        `help:"JWK Set of the other algorithms: a file or an https URL." placeholder:"FILE|URL"`
	AuthIssuer    string        `help:"What iss of a token must be (default: any)." placeholder:"TEXT"`
	AuthAudience  string        `help:"What must be in aud of a token (default: any)." placeholder:"TEXT"`
	AuthClaim     string        `help:"Claim of a token that is the unionId (default sub)." placeholder:"NAME"`
	AuthNameClaim string        `help:"Claim of a token that is the name (default name)." placeholder:"NAME"`
	AuthCookie    cookieName    `help:"Cookie that may hold the token (default: none)." placeholder:"NAME"`
	Insecure      *bool         `help:"Start though everybody who reaches the address can ask for the records of any user." placeholder:"BOOL"`
}

// overlay takes over what f gives.
func (c *authConfig) overlay(f authFlags) {
	c.Kind = cmp.Or(f.Auth, c.Kind)
	c.Algorithm = cmp.Or(f.AuthAlgorithm, c.Algorithm)
	c.Secret = cmp.Or(f.AuthSecret, c.Secret)
	c.Keys = cmp.Or(f.AuthKeys, c.Keys)
	c.Issuer = cmp.Or(f.AuthIssuer, c.Issuer)
	c.Audience = cmp.Or(f.AuthAudience, c.Audience)
	c.Claim = cmp.Or(f.AuthClaim, c.Claim)
	c.NameClaim = cmp.Or(f.AuthNameClaim, c.NameClaim)
	c.Cookie = cmp.Or(f.AuthCookie, c.Cookie)
}

// shown is c as it may be printed.
func (c authConfig) shown() authConfig {
	c.Secret = ""
	if u, err := url.Parse(c.Keys); err == nil && u.RawQuery != "" {
		u.RawQuery = maskQuery(u.RawQuery)
		c.Keys = u.String()
	}
	return c
}

// checkAuth says what is missing, and refuses to give everybody who comes the records of each user.
func (c *config) checkAuth() error {
	a := c.Auth
	if a.Kind == "jwt" {
		_, err := c.verifier(slog.New(slog.DiscardHandler))
		return err
	}
	if rest := a; rest != (authConfig{Kind: a.Kind}) {
		return errors.New("auth: something is said of tokens, but not --auth jwt (auth.kind in the file)")
	}
	if c.Insecure || c.isLocal() {
		return nil
	}
	for _, f := range c.feeds {
		if about := f.Describe(); about.PerUser && !about.Simulated {
			return fmt.Errorf("feed %s has records of each user, and whoever reaches %s could ask for anybody's: demand tokens with --auth jwt, "+
				"listen on 127.0.0.1 behind a proxy that knows its users, or say --insecure if all who come may see all", f.Name, c.Listen)
		}
	}
	return nil
}

// isLocal says whether only programs of this machine reach the address.
func (c *config) isLocal() bool {
	host, _, _ := net.SplitHostPort(string(c.Listen)) // checked when it was read
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

func (c *config) verifier(log *slog.Logger) (*auth.Verifier, error) {
	a := c.Auth
	if a.Algorithm == "" {
		return nil, fmt.Errorf("--auth jwt needs --auth-algorithm; allowed: %s", strings.Join(auth.Algorithms(), ", "))
	}
	if string(a.Algorithm) == auth.HS256 && a.Secret == "" {
		return nil, errors.New("--auth-algorithm HS256 needs a secret: give it as PULSEWALL_AUTH_SECRET")
	}
	v, err := auth.New(auth.Options{
		Algorithm: string(a.Algorithm), Secret: []byte(a.Secret), Keys: a.Keys, Issuer: a.Issuer, Audience: a.Audience,
		Claim: a.Claim, NameClaim: a.NameClaim, Logger: log,
	})
	if err != nil {
		return nil, fmt.Errorf("auth: %w", err)
	}
	return v, nil
}

// auth is what the dashboard needs of it; nil: no tokens.
func (c *config) auth(log *slog.Logger) (*dashboard.Auth, error) {
	if c.Auth.Kind != "jwt" {
		return nil, nil
	}
	v, err := c.verifier(log)
	if err != nil {
		return nil, err
	}
	return &dashboard.Auth{Verify: v.Verify, Cookie: string(c.Auth.Cookie), TicketKey: []byte(c.NodeSecret)}, nil
}
