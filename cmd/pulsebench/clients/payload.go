//go:build linux

package clients

import (
	"bytes"
	"strconv"
	"time"
)

// leastSize is what a payload takes without anything to fill it up.
const leastSize = 48

// appendPayload appends a payload that is due at a time.
func appendPayload(b []byte, number uint64, size int, due time.Time) []byte {
	end := len(b) + max(size, leastSize)
	b = strconv.AppendInt(b, due.UnixNano(), 10)
	b = append(b, ' ')
	b = strconv.AppendUint(b, number, 10)
	b = append(b, ' ')
	for i := len(b); i < end; i++ {
		b = append(b, 'a'+byte(i%26))
	}
	return b
}

// parsePayload reads what a payload begins with.
func parsePayload(p []byte) (at int64, number uint64, ok bool) {
	when, p, ok := decimal(p)
	if !ok {
		return 0, 0, false
	}
	number, _, ok = decimal(p)
	return int64(when), number, ok
}

// decimal reads a number and the space behind it.
func decimal(p []byte) (n uint64, rest []byte, ok bool) {
	end := bytes.IndexByte(p[:min(len(p), 21)], ' ')
	if end < 1 {
		return 0, nil, false
	}
	for _, c := range p[:end] {
		if c < '0' || c > '9' {
			return 0, nil, false
		}
		n = n*10 + uint64(c-'0')
	}
	return n, p[end+1:], true
}
