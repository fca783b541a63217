package wsconn

import (
	"net/http"
	"strconv"
	"strings"
)

const extensions = "Sec-Websocket-Extensions"

// legalOffers drops the permessage-deflate offers that the library would accept though RFC 7692 (5, 7.1) forbids it: a parameter named
// twice or with a value out of range, and a server_max_window_bits, which an answer would have to confirm.
func legalOffers(r *http.Request) *http.Request {
	offered := r.Header.Values(extensions)
	if len(offered) == 0 {
		return r
	}
	var legal []string
	for _, line := range offered {
		for offer := range strings.SplitSeq(line, ",") {
			if offer = strings.TrimSpace(offer); legalOffer(offer) {
				legal = append(legal, offer)
			}
		}
	}
	r2 := *r
	r2.Header = r.Header.Clone()
	r2.Header.Del(extensions)
	if len(legal) > 0 {
		r2.Header.Set(extensions, strings.Join(legal, ", "))
	}
	return &r2
}

func legalOffer(offer string) bool {
	name, params, _ := strings.Cut(offer, ";")
	if strings.TrimSpace(name) != "permessage-deflate" {
		return false // nothing else is spoken here
	}
	seen := make(map[string]bool)
	if params == "" {
		return true
	}
	for param := range strings.SplitSeq(params, ";") {
		key, value, valued := strings.Cut(strings.TrimSpace(param), "=")
		if seen[key] {
			return false
		}
		seen[key] = true
		switch key {
		case "client_no_context_takeover", "server_no_context_takeover":
			if valued {
				return false
			}
		case "client_max_window_bits":
			if valued && !windowBits(strings.Trim(value, `"`)) {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// windowBits says whether s is 8 to 15 without leading zeros.
func windowBits(s string) bool {
	n, err := strconv.Atoi(s)
	return err == nil && n >= 8 && n <= 15 && s == strconv.Itoa(n)
}
