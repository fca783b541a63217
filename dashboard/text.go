package dashboard

import (
	"encoding/json"
	"net/http"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// mostDepth is how deep arrays and objects of a message may be nested: what every reader of JSON can take.
const mostDepth = 64

// checkText refuses JSON that some client could not read, and with it the log that it stands in: text that is not Unicode, be it as bytes or
// as a lone surrogate in an escape (RFC 8259, 8.2), and deep nesting. That it is JSON has been seen to already.
func checkText(data json.RawMessage) error {
	if !utf8.Valid(data) {
		return refuse(http.StatusBadRequest, "data is not UTF-8: want JSON in UTF-8")
	}
	depth, quoted := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case quoted && c == '\\':
			n, ok := escape(data[i:])
			if !ok {
				return refuse(http.StatusBadRequest, "data has half a surrogate pair, %q: want Unicode text", clip(string(data[i:min(len(data), i+6)])))
			}
			i += n - 1
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[' || c == '{':
			if depth++; depth > mostDepth {
				return refuse(http.StatusBadRequest, "data is nested deeper than the %d levels allowed", mostDepth)
			}
		case c == ']' || c == '}':
			depth--
		}
	}
	return nil
}

// escape returns the length of the escape at the start of p, a pair of surrogates being one.
func escape(p []byte) (length int, ok bool) {
	r, isUnicode := unit(p)
	if !isUnicode {
		return 2, true
	}
	if !utf16.IsSurrogate(r) {
		return 6, true
	}
	low, isUnicode := unit(p[6:])
	return 12, isUnicode && utf16.DecodeRune(r, low) != utf8.RuneError
}

// unit reads \uXXXX.
func unit(p []byte) (rune, bool) {
	if len(p) < 6 || p[0] != '\\' || p[1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(p[2:6]), 16, 16)
	return rune(n), err == nil // #nosec G115 -- 16 bits
}
