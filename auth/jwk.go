package auth

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
)

// leastRSA and mostRSA bound a modulus, in bits (RFC 7518, 3.3). A larger one only costs time.
const (
	leastRSA = 2048
	mostRSA  = 8192
)

// jwk is one key of a set (RFC 7517, 4).
type jwk struct {
	Kty string   `json:"kty"`
	Kid string   `json:"kid"`
	Use string   `json:"use"`
	Ops []string `json:"key_ops"`
	Alg string   `json:"alg"`
	Crv string   `json:"crv"`
	N   string   `json:"n"`
	E   string   `json:"e"`
	X   string   `json:"x"`
	Y   string   `json:"y"`
}

var errUnfit = errors.New("a key for something else")

// parseKeys returns the keys of a set that verify the algorithm, by kid. Others, and those that are no good, are left out (RFC 7517, 5).
func parseKeys(text []byte, algorithm string) (map[string]any, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(text, &set); err != nil {
		return nil, fmt.Errorf("no JWK Set: %w", err)
	}
	keys := make(map[string]any)
	var why []string
	for i, raw := range set.Keys {
		var k jwk
		err := json.Unmarshal(raw, &k)
		if err == nil {
			var key any
			if key, err = k.key(algorithm); err == nil {
				if _, twice := keys[k.Kid]; twice {
					return nil, fmt.Errorf("two keys for %s have the kid %q: want one of its own for each", algorithm, k.Kid)
				}
				keys[k.Kid] = key
				continue
			}
		}
		why = append(why, fmt.Sprintf("%d: %v", i, err))
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("none of %d keys is for %s (%s)", len(set.Keys), algorithm, strings.Join(why[:min(len(why), 5)], "; "))
	}
	return keys, nil
}

// curves are those of the algorithms that have one.
var curves = map[string]struct {
	name  string
	curve elliptic.Curve
}{
	"ES256": {"P-256", elliptic.P256()},
	"ES384": {"P-384", elliptic.P384()},
}

// key is what verifies signatures of the algorithm.
func (k *jwk) key(algorithm string) (any, error) {
	if k.Use != "" && k.Use != "sig" || k.Alg != "" && k.Alg != algorithm || k.Ops != nil && !slices.Contains(k.Ops, "verify") {
		return nil, errUnfit
	}
	switch {
	case k.Kty == "RSA" && strings.HasPrefix(algorithm, "RS"):
		return k.rsa()
	case k.Kty == "EC" && curves[algorithm].name == k.Crv && k.Crv != "":
		return k.ec(curves[algorithm].curve)
	case k.Kty == "OKP" && algorithm == "EdDSA" && k.Crv == "Ed25519":
		x, err := decode(k.X)
		if err != nil || len(x) != ed25519.PublicKeySize {
			return nil, fmt.Errorf("x is no key of %d bytes", ed25519.PublicKeySize)
		}
		return ed25519.PublicKey(x), nil
	}
	return nil, errUnfit
}

func (k *jwk) rsa() (*rsa.PublicKey, error) {
	n, err1 := decode(k.N)
	e, err2 := decode(k.E)
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	modulus, exponent := new(big.Int).SetBytes(n), new(big.Int).SetBytes(e)
	if bits := modulus.BitLen(); bits < leastRSA || bits > mostRSA {
		return nil, fmt.Errorf("a modulus of %d bits: allowed are %d to %d", bits, leastRSA, mostRSA)
	}
	if exponent.BitLen() > 31 || exponent.Int64() < 3 || exponent.Bit(0) == 0 {
		return nil, errors.New("an exponent that is not allowed")
	}
	return &rsa.PublicKey{N: modulus, E: int(exponent.Int64())}, nil
}

func (k *jwk) ec(curve elliptic.Curve) (*ecdsa.PublicKey, error) {
	x, err1 := decode(k.X)
	y, err2 := decode(k.Y)
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	if size := (curve.Params().BitSize + 7) / 8; len(x) != size || len(y) != size {
		return nil, fmt.Errorf("coordinates of %d and %d bytes: want %d", len(x), len(y), size)
	}
	return ecdsa.ParseUncompressedPublicKey(curve, slices.Concat([]byte{4}, x, y))
}

func decode(s string) ([]byte, error) {
	if s == "" {
		return nil, errors.New("a number is missing")
	}
	return base64.RawURLEncoding.Strict().DecodeString(s)
}
