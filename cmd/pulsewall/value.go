package main

import (
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The types of this file read a setting alike from a flag, a variable and the configuration file. Their errors name the
// value seen and what is allowed.
type (
	interval   time.Duration // 1 s to 1 h
	age        time.Duration // 0 s to 1000 h
	address    string        // host:port
	addressSet netip.Prefix  // an address or a CIDR
	origin     string        // scheme://host[:port], or null
	name       string        // of a node, feed, dashboard or panel
	logLevel   string
	logFormat  string
	members    string // hazelcast://host:port,host:port/name
	count      int    // 1 to 1e9
)

func parseDuration(text string, least, most time.Duration, allowed string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("%q is not a duration; allowed: %s, written like 10s or 5m", text, allowed)
	}
	if d < least || d > most {
		return 0, fmt.Errorf("%q is out of bounds; allowed: %s", text, allowed)
	}
	return d, nil
}

// UnmarshalText reads a duration like 10s.
func (v *interval) UnmarshalText(text []byte) error {
	d, err := parseDuration(string(text), time.Second, time.Hour, "1s to 1h")
	*v = interval(d)
	return err
}

// MarshalText writes it like 10s.
func (v interval) MarshalText() ([]byte, error) { return []byte(shortDuration(time.Duration(v))), nil }

// UnmarshalText reads a duration like 5m; 0s is none.
func (v *age) UnmarshalText(text []byte) error {
	d, err := parseDuration(string(text), 0, 1000*time.Hour, "0s (no limit) to 1000h")
	*v = age(d)
	return err
}

// MarshalText writes it like 5m.
func (v age) MarshalText() ([]byte, error) { return []byte(shortDuration(time.Duration(v))), nil }

// shortDuration writes 5m for what time.Duration calls 5m0s.
func shortDuration(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// UnmarshalText reads an address to listen on. The host may be empty: all addresses of the machine.
func (v *address) UnmarshalText(text []byte) error {
	_, port, err := net.SplitHostPort(string(text))
	if err != nil {
		return fmt.Errorf("%q is not an address; allowed: host:port, such as 127.0.0.1:7000 or [::1]:7000", text)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || strconv.FormatUint(n, 10) != port {
		return fmt.Errorf("%q has no such port; allowed: 0 (a free one) to 65535", text)
	}
	*v = address(text)
	return nil
}

// UnmarshalText reads an address, or a range of them as CIDR.
func (v *addressSet) UnmarshalText(text []byte) error {
	if a, err := netip.ParseAddr(string(text)); err == nil && a.Zone() == "" {
		*v = addressSet(netip.PrefixFrom(a, a.BitLen()))
		return nil
	}
	p, err := netip.ParsePrefix(string(text))
	if err != nil {
		return fmt.Errorf("%q is not an address; allowed: an IP address or a CIDR, such as 10.0.0.7 or 10.0.0.0/8", text)
	}
	if p != p.Masked() {
		return fmt.Errorf("%q has bits beyond its length; allowed: %s, or an address alone", text, p.Masked())
	}
	*v = addressSet(p)
	return nil
}

// MarshalText writes a CIDR, or the address alone where the set is one.
func (v addressSet) MarshalText() ([]byte, error) {
	p := netip.Prefix(v)
	if p.IsSingleIP() {
		return p.Addr().MarshalText()
	}
	return p.MarshalText()
}

// UnmarshalText reads an origin as browsers send it.
func (v *origin) UnmarshalText(text []byte) error {
	u, err := url.Parse(string(text))
	if string(text) != "null" && (err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" ||
		u.Scheme+"://"+u.Host != string(text) || strings.Contains(u.Host, "*")) {
		return fmt.Errorf("%q is not an origin; allowed: scheme://host or scheme://host:port without a path, such as https://wall.example, or null", text)
	}
	*v = origin(strings.ToLower(string(text)))
	return nil
}

var namePattern = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// UnmarshalText reads a name.
func (v *name) UnmarshalText(text []byte) error {
	if !namePattern.Match(text) {
		return fmt.Errorf("%q is not a name; allowed: 1 to 64 of A-Z a-z 0-9 . _ -", text)
	}
	*v = name(text)
	return nil
}

// UnmarshalText reads a level of logging.
func (v *logLevel) UnmarshalText(text []byte) error {
	*v = logLevel(text)
	return oneOf(string(text), "debug", "info", "warn", "error")
}

func (v logLevel) slog() slog.Level {
	var l slog.Level
	if err := l.UnmarshalText([]byte(v)); err != nil {
		return slog.LevelInfo
	}
	return l
}

// UnmarshalText reads a form of logging.
func (v *logFormat) UnmarshalText(text []byte) error {
	*v = logFormat(text)
	return oneOf(string(text), "text", "json")
}

// UnmarshalText reads a limit.
func (v *count) UnmarshalText(text []byte) error {
	n, err := strconv.Atoi(string(text))
	if err != nil || n < 1 || n > 1e9 {
		return fmt.Errorf("%q is not a limit; allowed: a whole number from 1 to 1000000000", text)
	}
	*v = count(n)
	return nil
}

func oneOf(text string, allowed ...string) error {
	if slices.Contains(allowed, text) {
		return nil
	}
	return fmt.Errorf("%q is unknown; allowed: %s", text, strings.Join(allowed, ", "))
}
