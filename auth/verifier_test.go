package auth

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var secret = []byte("0123456789abcdef0123456789abcdef")

// sign makes a token with some claims in place of the usual; nil takes one away.
func sign(t *testing.T, method jwt.SigningMethod, key any, kid string, claims jwt.MapClaims) string {
	t.Helper()
	all := jwt.MapClaims{"sub": "7", "name": "Ann", "exp": time.Now().Add(time.Hour).Unix(), "iss": "us", "aud": []string{"wall", "other"}}
	header := make(map[string]any)
	for name, v := range claims {
		switch {
		case strings.HasPrefix(name, "header "):
			header[strings.TrimPrefix(name, "header ")] = v
		case v == nil:
			delete(all, name)
		default:
			all[name] = v
		}
	}
	token := jwt.NewWithClaims(method, all)
	if kid != "" {
		token.Header["kid"] = kid
	}
	for name, v := range header {
		token.Header[name] = v
	}
	text, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestVerify(t *testing.T) {
	v, err := New(Options{Algorithm: HS256, Secret: secret, Issuer: "us", Audience: "wall"})
	if err != nil {
		t.Fatal(err)
	}
	hs := func(claims jwt.MapClaims) string { return sign(t, jwt.SigningMethodHS256, secret, "", claims) }
	good := hs(nil)
	at := func(d time.Duration) int64 { return time.Now().Add(d).Unix() }
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(good, ".")
	other, err := json.Marshal(jwt.MapClaims{"sub": "8", "exp": at(time.Hour), "iss": "us", "aud": "wall"})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct{ name, token, want string }{
		{"good", good, ""},
		{"a number", hs(jwt.MapClaims{"sub": 7}), ""},
		{"a little early", hs(jwt.MapClaims{"nbf": at(10 * time.Second), "iat": at(10 * time.Second)}), ""},
		{"expired", hs(jwt.MapClaims{"exp": at(-time.Hour)}), "has expired"},
		{"expired just now", hs(jwt.MapClaims{"exp": at(-2 * time.Second)}), "has expired"},
		{"without an end", hs(jwt.MapClaims{"exp": nil}), "lacks a claim"},
		{"not yet", hs(jwt.MapClaims{"nbf": at(time.Minute)}), "not valid yet"},
		{"from the future", hs(jwt.MapClaims{"iat": at(time.Minute)}), "in the future"},
		{"wrong audience", hs(jwt.MapClaims{"aud": "door"}), "another audience"},
		{"no audience", hs(jwt.MapClaims{"aud": nil}), "lacks a claim"},
		{"wrong issuer", hs(jwt.MapClaims{"iss": "them"}), "another issuer"},
		{"nobody", hs(jwt.MapClaims{"sub": nil}), "no claim sub"},
		{"a list of people", hs(jwt.MapClaims{"sub": []string{"7"}}), "no claim sub"},
		{"must be understood", hs(jwt.MapClaims{"header crit": []string{"b64"}}), "crit"},
		{"wrong key", sign(t, jwt.SigningMethodHS256, []byte("another secret of thirty-two bytes"), "", nil), "signature"},
		{"wrong algorithm", sign(t, jwt.SigningMethodHS512, secret, "", nil), "signature"},
		{"another family", sign(t, jwt.SigningMethodRS256, rsaKey, "", nil), "signature"},
		{"none", sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, "", nil), "signature"},
		{"tampered", parts[0] + "." + base64.RawURLEncoding.EncodeToString(other) + "." + parts[2], "signature"},
		{"without a signature", parts[0] + "." + parts[1] + ".", "signature"},
		{"no token", "hello", "no JSON Web Token"},
		{"empty", "", "no JSON Web Token"},
		{"long", strings.Repeat("x", mostToken+1), "bytes"},
	}
	for _, tt := range tests {
		p, err := v.Verify(t.Context(), tt.token)
		switch {
		case tt.want == "" && (err != nil || p.UnionID != "7" || p.Name != "Ann" || time.Until(p.Until) < 59*time.Minute):
			t.Errorf("%s: %+v, %v; want 7, Ann, for an hour", tt.name, p, err)
		case tt.want != "" && (!errors.Is(err, ErrBadToken) || !strings.Contains(err.Error(), tt.want) || p != Person{}):
			t.Errorf("%s: %+v, %v; want ErrBadToken with %q", tt.name, p, err, tt.want)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for name, o := range map[string]Options{
		"none": {Algorithm: "none"}, "no algorithm": {}, "short secret": {Algorithm: HS256, Secret: secret[:31]},
		"secret and keys": {Algorithm: HS256, Secret: secret, Keys: "x"}, "secret for RS": {Algorithm: "RS256", Secret: secret, Keys: "https://id.example"},
		"no keys": {Algorithm: "ES256"}, "no file": {Algorithm: "ES256", Keys: "/nowhere/keys.json"}, "plain http": {Algorithm: "ES256", Keys: "http://id.example/keys"},
		"user in URL": {Algorithm: "ES256", Keys: "https://a:b@id.example/keys"},
	} {
		if _, err := New(o); err == nil {
			t.Errorf("%s: New took it", name)
		}
	}
}

// issuer is somebody who signs tokens and shows his keys.
type issuer struct {
	*httptest.Server
	mu    sync.Mutex
	keys  []map[string]string // guarded by mu
	asked int                 // guarded by mu
	fails bool                // guarded by mu
}

func newIssuer(t *testing.T) *issuer {
	i := new(issuer)
	i.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		i.mu.Lock()
		defer i.mu.Unlock()
		if i.asked++; i.fails {
			http.Error(w, "no", http.StatusBadGateway)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"keys": i.keys})
	}))
	t.Cleanup(func() {
		i.Close()
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	})
	return i
}

func (i *issuer) show(fails bool, keys ...map[string]string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys, i.fails = keys, fails
}

func (i *issuer) times() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.asked
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func ecKey(t *testing.T, kid string) (*ecdsa.PrivateKey, map[string]string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point, err := key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return key, map[string]string{"kty": "EC", "crv": "P-256", "kid": kid, "use": "sig", "x": b64(point[1:33]), "y": b64(point[33:])}
}

// Keys are exchanged while the wall runs: an unknown one has the set read again, and not more often than once a minute.
func TestRotation(t *testing.T) {
	i := newIssuer(t)
	first, firstKey := ecKey(t, "first")
	second, secondKey := ecKey(t, "second")
	forged, _ := ecKey(t, "first")
	v, err := New(Options{Algorithm: "ES256", Keys: i.URL})
	if err != nil {
		t.Fatal(err)
	}
	check := func(what string, key *ecdsa.PrivateKey, kid string, want error, times int) {
		t.Helper()
		_, err := v.Verify(t.Context(), sign(t, jwt.SigningMethodES256, key, kid, nil))
		if !errors.Is(err, want) || i.times() != times {
			t.Errorf("%s: %v after asking %d times; want %v after %d", what, err, i.times(), want, times)
		}
	}
	// age has the last reading be long ago.
	age := func(d time.Duration) {
		table := *v.keys.known.Load()
		table.tried = time.Now().Add(-d)
		table.got = table.tried
		v.keys.known.Store(&table)
	}
	i.show(true)
	check("no keys", first, "first", ErrUnsure, 1)
	check("no keys, at once again", first, "first", ErrUnsure, 1)
	age(failedGap)
	i.show(false, firstKey)
	check("the first key", first, "first", nil, 2)
	check("without its name", first, "", nil, 2)
	check("forged", forged, "first", ErrBadToken, 2)
	i.show(false, firstKey, secondKey)
	check("too soon", second, "second", ErrBadToken, 2)
	age(fetchGap)
	check("the second key", second, "second", nil, 3)
	check("the first is still good", first, "first", nil, 3)
	check("which one", first, "", ErrBadToken, 3)
	i.show(false, secondKey)
	age(keysFor)
	check("a key that was taken away", first, "first", ErrBadToken, 4)
	i.show(true)
	age(keysFor)
	check("the issuer is gone", second, "second", nil, 5)
	check("it is not asked at once again", second, "second", nil, 5)
	age(keysFor)
	i.show(false, firstKey)
	check("it is back, and has taken the key away", second, "second", ErrBadToken, 6)
}

// A token of a new key is not refused for good while the keys cannot be read: they are asked for again soon.
func TestRotationWhileIssuerIsDown(t *testing.T) {
	i := newIssuer(t)
	first, firstKey := ecKey(t, "first")
	second, secondKey := ecKey(t, "second")
	i.show(false, firstKey)
	v, err := New(Options{Algorithm: "ES256", Keys: i.URL})
	if err != nil {
		t.Fatal(err)
	}
	check := func(what string, key *ecdsa.PrivateKey, kid string, want error, times int) {
		t.Helper()
		_, err := v.Verify(t.Context(), sign(t, jwt.SigningMethodES256, key, kid, nil))
		if !errors.Is(err, want) || i.times() != times {
			t.Errorf("%s: %v after asking %d times; want %v after %d", what, err, i.times(), want, times)
		}
	}
	// ago has the last try, and what was read before it, be so long ago.
	ago := func(d time.Duration) {
		table := *v.keys.known.Load()
		table.got, table.tried = table.got.Add(-d), table.tried.Add(-d)
		v.keys.known.Store(&table)
	}
	check("the first key", first, "first", nil, 1)
	i.show(true)
	ago(fetchGap)
	check("the second, as the issuer is down", second, "second", ErrUnsure, 2)
	check("at once again", second, "second", ErrUnsure, 2)
	check("the first meanwhile", first, "first", nil, 2)
	i.show(false, firstKey, secondKey)
	ago(failedGap)
	check("the second, as the issuer is back", second, "second", nil, 3)
}

// Keys of all kinds are read; those for something else, and bad ones, are left out.
func TestParseKeys(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	edKey, edPrivate, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	n, e := b64(rsaKey.N.Bytes()), b64(big.NewInt(int64(rsaKey.E)).Bytes())
	_, ec := ecKey(t, "c")
	off := map[string]string{"kty": "EC", "crv": "P-256", "kid": "off", "x": ec["x"], "y": ec["x"]}
	text, err := json.Marshal(map[string]any{"keys": []any{
		map[string]any{"kty": "RSA", "kid": "a", "n": n, "e": e, "key_ops": []string{"verify"}},
		map[string]any{"kty": "RSA", "kid": "secret", "n": n, "e": e, "use": "enc"},
		map[string]any{"kty": "RSA", "kid": "other", "n": n, "e": e, "alg": "RS512"},
		map[string]any{"kty": "RSA", "kid": "signs", "n": n, "e": e, "key_ops": []string{"sign"}},
		map[string]any{"kty": "RSA", "kid": "small", "n": b64(rsaKey.N.Bytes()[:64]), "e": e},
		map[string]any{"kty": "RSA", "kid": "even", "n": n, "e": b64([]byte{4})},
		map[string]any{"kty": "RSA", "kid": "bare"},
		map[string]any{"kty": "OKP", "crv": "Ed25519", "kid": "b", "x": b64(edKey)},
		map[string]any{"kty": "OKP", "crv": "Ed25519", "kid": "short", "x": b64(edKey[:31])},
		map[string]any{"kty": "oct", "kid": "k", "k": b64(secret)},
		"what", ec, off,
	}})
	if err != nil {
		t.Fatal(err)
	}
	for algorithm, kid := range map[string]string{"RS256": "a", "EdDSA": "b", "ES256": "c"} {
		keys, err := parseKeys(text, algorithm)
		if err != nil || len(keys) != 1 || keys[kid] == nil {
			t.Errorf("%s: %v, %v; want the key %s alone", algorithm, keys, err, kid)
		}
	}
	if keys, err := parseKeys(text, "ES384"); err == nil {
		t.Errorf("ES384: %v; want an error", keys)
	}
	for _, kid := range []string{"", "same"} {
		x := map[string]string{"kty": "OKP", "crv": "Ed25519", "kid": kid, "x": b64(edKey)}
		twice, err := json.Marshal(map[string]any{"keys": []any{x, x}})
		if err != nil {
			t.Fatal(err)
		}
		if keys, err := parseKeys(twice, "EdDSA"); err == nil {
			t.Errorf("two keys with the kid %q: %v; want an error", kid, keys)
		}
	}
	if _, err := parseKeys([]byte(`{"keys":7}`), "ES256"); err == nil {
		t.Error("no set was taken")
	}
	keys, err := parseKeys(text, "EdDSA")
	if err != nil {
		t.Fatal(err)
	}
	token := sign(t, jwt.SigningMethodEdDSA, edPrivate, "b", nil)
	if _, err := jwt.Parse(token, func(*jwt.Token) (any, error) { return keys["b"], nil }); err != nil {
		t.Errorf("a token of a key that was read: %v", err)
	}
}
