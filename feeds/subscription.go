package feeds

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Errors a caller can act on. They are wrapped with the value seen and what is allowed.
var (
	// ErrBadSubscription reports a subscription that no server could understand.
	ErrBadSubscription = errors.New("malformed subscription")
	// ErrBadUnionID reports a unionId, other than that of a subscription, that is no 64-bit integer.
	ErrBadUnionID = errors.New("malformed unionId")
	// ErrUnknownFeed reports a subscription to a feed that is not configured.
	ErrUnknownFeed = errors.New("unknown feed")
	// ErrTooManyPolls reports a subscription that would need one more distinct poll than is allowed.
	ErrTooManyPolls = errors.New("too many distinct polls")
)

// Bounds of the parameters.
const (
	DefaultSize   = 10
	MaxSize       = 500
	MaxCurrent    = 1<<31 - 1
	MaxParams     = 8
	MaxParamValue = 256 // bytes, unescaped
	maxName       = 64
)

// Subscription is a feed with its parameters. It is comparable: equal subscriptions are polled once.
// The zero values of Current and Size mean page 1 of 10 records.
type Subscription struct {
	Feed    string
	Node    string // of a feed that exists once a node; empty: none named
	UnionID string // canonical decimal 64-bit integer; empty: none
	Current int    // page, from 1
	Size    int    // records a page, 1–500
	Params  string // canonical "key=value;key=value", sorted by key, values query-escaped; empty: none
}

// ParseSubscription reads feed[@node][/unionId[/current[/size]]][;key=value…]. What is left out or empty takes its
// default. Errors wrap ErrBadSubscription and name the value and what is allowed.
func ParseSubscription(s string) (Subscription, error) {
	path, params, _ := strings.Cut(s, ";")
	parts := strings.Split(path, "/")
	if len(parts) > 4 {
		return Subscription{}, bad("%s has %d parts; feed/unionId/current/size are allowed", quote(path), len(parts))
	}
	parts = append(parts, "", "", "")
	var sub Subscription
	var named bool
	sub.Feed, sub.Node, named = strings.Cut(parts[0], "@")
	if named && sub.Node == "" {
		return Subscription{}, bad("%s names no node after @", quote(parts[0]))
	}
	sub.UnionID, sub.Params = parts[1], params
	var err error
	if sub.Current, err = parseNumber("current", parts[2], MaxCurrent); err != nil {
		return Subscription{}, err
	}
	if sub.Size, err = parseNumber("size", parts[3], MaxSize); err != nil {
		return Subscription{}, err
	}
	return sub.canonical()
}

// canonical checks every field and fills in the defaults.
func (s Subscription) canonical() (Subscription, error) {
	if !validName(s.Feed) {
		return Subscription{}, bad("feed %s; 1–64 of A–Z a–z 0–9 . _ - are allowed", quote(s.Feed))
	}
	if s.Node != "" && !validName(s.Node) {
		return Subscription{}, bad("node %s; 1–64 of A–Z a–z 0–9 . _ - are allowed", quote(s.Node))
	}
	s.Current = cmp.Or(s.Current, 1)
	if s.Current < 1 || s.Current > MaxCurrent {
		return Subscription{}, bad("current %d; 1–%d is allowed", s.Current, MaxCurrent)
	}
	s.Size = cmp.Or(s.Size, DefaultSize)
	if s.Size < 1 || s.Size > MaxSize {
		return Subscription{}, bad("size %d; 1–%d is allowed", s.Size, MaxSize)
	}
	var err error
	given := s.UnionID
	if s.UnionID, err = ParseUnionID(given); err != nil {
		return Subscription{}, bad("unionId %s; a 64-bit integer is allowed", quote(given))
	}
	s.Params, err = canonicalParams(s.Params)
	if err != nil {
		return Subscription{}, err
	}
	return s, nil
}

// String is the canonical form, for example "processes/-/1/10".
func (s Subscription) String() string {
	b := make([]byte, 0, len(s.Feed)+len(s.Node)+len(s.UnionID)+len(s.Params)+16)
	b = append(b, s.Feed...)
	if s.Node != "" {
		b = append(append(b, '@'), s.Node...)
	}
	b = append(append(b, '/'), cmp.Or(s.UnionID, "-")...)
	b = strconv.AppendInt(append(b, '/'), int64(cmp.Or(s.Current, 1)), 10)
	b = strconv.AppendInt(append(b, '/'), int64(cmp.Or(s.Size, DefaultSize)), 10)
	if s.Params != "" {
		b = append(append(b, ';'), s.Params...)
	}
	return string(b)
}

// Param returns the value of a ;key=value parameter, unescaped; empty when there is none.
func (s Subscription) Param(key string) string {
	for k, v := range eachParam(s.Params) {
		if k == key {
			return v
		}
	}
	return ""
}

// ParseUnionID returns the canonical decimal form of a 64-bit integer; "" and "-" give "".
// The error wraps ErrBadUnionID.
func ParseUnionID(s string) (string, error) {
	if s == "" || s == "-" {
		return "", nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return "", fmt.Errorf("%w: %s; a 64-bit integer is allowed", ErrBadUnionID, quote(s))
	}
	return strconv.FormatInt(n, 10), nil
}

// parseNumber returns 0, which stands for the default, when s is empty.
func parseNumber(name, s string, limit int) (int, error) {
	if s == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 1 || n > int64(limit) {
		return 0, bad("%s %s; 1–%d is allowed", name, quote(s), limit)
	}
	return int(n), nil
}

func canonicalParams(params string) (string, error) {
	if params == "" {
		return "", nil
	}
	list := strings.Split(params, ";")
	if len(list) > MaxParams {
		return "", bad("%d parameters; %d are allowed", len(list), MaxParams)
	}
	seen := make(map[string]bool, len(list))
	for i, p := range list {
		key, escaped, _ := strings.Cut(p, "=")
		if !validName(key) {
			return "", bad("parameter %s; ;key=value is allowed, with a key of 1–64 of A–Z a–z 0–9 . _ -", quote(p))
		}
		if seen[key] {
			return "", bad("parameter %s is there twice; once is allowed", quote(key))
		}
		seen[key] = true
		value, err := url.QueryUnescape(escaped)
		if err != nil || value == "" || len(value) > MaxParamValue || !utf8.ValidString(value) {
			return "", bad("value %s of parameter %s; 1–%d bytes of query-escaped UTF-8 are allowed", quote(escaped), key, MaxParamValue)
		}
		list[i] = key + "=" + url.QueryEscape(value)
	}
	slices.SortFunc(list, func(a, b string) int {
		ka, _, _ := strings.Cut(a, "=")
		kb, _, _ := strings.Cut(b, "=")
		return cmp.Compare(ka, kb)
	})
	return strings.Join(list, ";"), nil
}

// eachParam yields the keys and unescaped values of canonical parameters.
func eachParam(params string) func(yield func(key, value string) bool) {
	return func(yield func(key, value string) bool) {
		for params != "" {
			var p string
			p, params, _ = strings.Cut(params, ";")
			key, escaped, _ := strings.Cut(p, "=")
			value, err := url.QueryUnescape(escaped)
			if err == nil && !yield(key, value) {
				return
			}
		}
	}
}

func validName(s string) bool {
	if s == "" || len(s) > maxName {
		return false
	}
	for i := range len(s) {
		c := s[i]
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && (c < '0' || c > '9') && c != '.' && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

func bad(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrBadSubscription, fmt.Sprintf(format, args...))
}

// quote shows a value from outside, not the whole of a hostile one.
func quote(s string) string {
	if len(s) > 80 {
		return strconv.Quote(s[:80]) + "…"
	}
	return strconv.Quote(s)
}
