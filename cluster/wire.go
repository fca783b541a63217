package cluster

import (
	"bytes"
	"fmt"
	"io"
	"time"

	"github.com/klauspost/compress/flate"
)

// MaxReading is the largest reading that the cluster carries, before it is deflated.
const MaxReading = 4 << 20

const (
	// smallMost is the largest value on the connection that everything else uses.
	smallMost = 12 << 10
	// maxVersion is the highest version that JavaScript keeps apart from the one before.
	maxVersion = 1 << 53
)

// How the data of a wireReading is carried.
const (
	plain    = iota
	deflated // a deflate stream
	referred // not here: the map has it
)

// wireReading is a reading under way, or in the map.
type wireReading struct {
	kind        int64
	sub         string
	version     int64
	incarnation string
	sent        time.Time // on the sender's clock
	body        []byte
}

// pack returns the reading as it travels, and whether it is small.
func (w wireReading) pack(data []byte) (packed []byte, small bool, err error) {
	if len(data) > MaxReading {
		return nil, false, fmt.Errorf("%w: reading of %d bytes", ErrTooLarge, len(data))
	}
	w.kind, w.body = plain, data
	if len(data) > smallMost {
		w.kind = deflated
		w.body, err = deflate(data)
	}
	packed = w.frame()
	return packed, len(packed) <= smallMost, err
}

func (w wireReading) frame() []byte {
	return append(newFrame().int(w.kind).str(w.sub).int(w.version).str(w.incarnation).time(w.sent), w.body...)
}

func parseReading(value any) (wireReading, error) {
	p := parse(value)
	w := wireReading{kind: p.int(), sub: p.str(), version: p.int(), incarnation: p.str(), sent: p.time(), body: p.bytes()}
	if w.version < 1 || w.version > maxVersion {
		p.fail() // nothing could ever be newer
	}
	return w, p.err
}

// data returns the reading itself.
func (w wireReading) data() ([]byte, error) {
	if w.kind == plain {
		return w.body, nil
	}
	data, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(w.body)), MaxReading+1))
	if err != nil || len(data) > MaxReading {
		return nil, fmt.Errorf("inflate reading of %s: %w", w.sub, errFrame)
	}
	return data, nil
}

func deflate(data []byte) ([]byte, error) {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestSpeed)
	if err == nil {
		_, err = w.Write(data)
	}
	if err == nil {
		err = w.Close()
	}
	return b.Bytes(), err
}
