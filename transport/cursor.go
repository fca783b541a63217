package transport

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// ErrBadCursor reports a cursor that no node wrote.
var ErrBadCursor = errors.New("malformed cursor")

// position is how far a client has got: in the messages, and by the version of each reading.
type position struct {
	Position
	index    int64            // in the log of this hub; not told
	versions map[uint32]int64 // by topicHash: short enough for a query, and a collision only costs a reading sent again
}

// topicHash names a topic in a cursor.
func topicHash(topic string) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(topic))
	return h.Sum32()
}

// cursor is the whole position.
func (p position) cursor() string {
	if len(p.versions) == 0 {
		return p.ID()
	}
	var b []byte
	for _, hash := range slices.Sorted(maps.Keys(p.versions)) {
		b = binary.BigEndian.AppendUint32(b, hash)
		b = binary.AppendVarint(b, p.versions[hash])
	}
	return p.ID() + "." + base64.RawURLEncoding.EncodeToString(b)
}

// parseCursor reads an event id or a cursor.
func parseCursor(s string) (position, error) {
	bad := func() (position, error) { return position{}, fmt.Errorf("%w: %q", ErrBadCursor, clip([]byte(s))) }
	id, tail, _ := strings.Cut(s, ".")
	id = strings.Replace(id, " ", "+", 1) // a query that did not escape it
	shared, alone, isAlone := strings.Cut(id, "+")
	var p position
	var ok bool
	if p.Epoch, p.Seq, ok = parsePlace(shared); !ok {
		return bad()
	}
	if isAlone {
		if p.Life, p.N, ok = parsePlace(alone); !ok {
			return bad()
		}
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(tail)
	if err != nil {
		return bad()
	}
	for len(b) > 0 {
		if len(b) < 5 || len(p.versions) > maxTopics {
			return bad()
		}
		version, n := binary.Varint(b[4:])
		if n <= 0 {
			return bad()
		}
		if p.versions == nil {
			p.versions = make(map[uint32]int64)
		}
		p.versions[binary.BigEndian.Uint32(b)] = version
		b = b[4+n:]
	}
	return p, nil
}

// parsePlace reads a name and a number.
func parsePlace(s string) (name string, n int64, ok bool) {
	name, digits, ok := strings.Cut(s, "-")
	if !ok || !ValidName(name) {
		return "", 0, false
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	return name, n, err == nil && n >= 0 && digits == strconv.FormatInt(n, 10)
}

// maxTopics is more than any session may watch; a cursor with more is not ours.
const maxTopics = 200
