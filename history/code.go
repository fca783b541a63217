package history

import (
	"encoding/binary"
	"errors"
	"maps"
	"math"
	"math/bits"
	"slices"
	"time"
)

// errCode reports bytes that no version of this program wrote.
var errCode = errors.New("history: malformed block")

const (
	// codeVersion stands first in every block.
	codeVersion = 1
	// rawValues says that the values of a series are no short decimals.
	rawValues = 0xff
	// mostDecimals is how many digits after the point a short decimal has.
	mostDecimals = 6
	// mostCells is more than a chunk or an answer ever has of a series.
	mostCells = 1 << 20
)

var powers = [mostDecimals + 1]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6}

// Encode writes cells that start at multiples of width. The least and the greatest values are kept as they are, means to a part in four
// billion of what lies between these two.
func (b Block) Encode(width time.Duration) []byte {
	out := binary.AppendUvarint([]byte{codeVersion}, uint64(len(b)))
	var body []byte
	for _, series := range slices.Sorted(maps.Keys(b)) {
		body = encodeSeries(body[:0], b[series], width.Milliseconds())
		out = appendText(out, series)
		out = append(binary.AppendUvarint(out, uint64(len(body))), body...)
	}
	return out
}

func appendText(out []byte, s string) []byte {
	return append(binary.AppendUvarint(out, uint64(len(s))), s...)
}

// encodeSeries writes the number of cells, how values are written, and each cell as what differs from the one before.
func encodeSeries(out []byte, list []Cell, width int64) []byte {
	out = binary.AppendUvarint(out, uint64(len(list)))
	decimals := decimalsOf(list)
	out = append(out, decimals)
	var last Cell
	next := int64(0) // the index that comes without a gap
	for _, c := range list {
		index := c.At / width
		out = binary.AppendVarint(out, (index-next)<<1|differs(c.Count, last.Count))
		if c.Count != last.Count {
			out = binary.AppendUvarint(out, uint64(c.Count))
		}
		next = index + 1
		if decimals == rawValues {
			out = appendXOR(out, c.Min, last.Min)
			out = appendXOR(out, c.Max, c.Min)
		} else {
			least, most := scaled(c.Min, decimals), scaled(c.Max, decimals)
			out = binary.AppendVarint(out, least-scaled(last.Min, decimals))
			out = binary.AppendUvarint(out, uint64(most-least))
		}
		if c.Min != c.Max {
			out = binary.BigEndian.AppendUint32(out, share(c))
		}
		last = c
	}
	return out
}

func differs(a, b int) int64 {
	if a != b {
		return 1
	}
	return 0
}

// decimalsOf is how many digits after the point all values have, or rawValues.
func decimalsOf(list []Cell) byte {
	for decimals := byte(0); decimals <= mostDecimals; decimals++ {
		if !slices.ContainsFunc(list, func(c Cell) bool { return !short(c.Min, decimals) || !short(c.Max, decimals) }) {
			return decimals
		}
	}
	return rawValues
}

// short says whether a value is a decimal of so many digits after the point.
func short(v float64, decimals byte) bool {
	return math.Abs(v)*powers[decimals] < 1<<52 && scaledBack(scaled(v, decimals), decimals) == v
}

func scaled(v float64, decimals byte) int64 { return int64(math.Round(v * powers[decimals])) }

func scaledBack(n int64, decimals byte) float64 { return float64(n) / powers[decimals] }

// appendXOR writes what differs in the bits of a and b. Numbers that are near have the same first bits, short ones the same last.
func appendXOR(out []byte, a, b float64) []byte {
	return binary.AppendUvarint(out, bits.ReverseBytes64(math.Float64bits(a)^math.Float64bits(b)))
}

// share is how far the mean lies between the least and the greatest value.
func share(c Cell) uint32 {
	part := (c.Mean/2 - c.Min/2) / (c.Max/2 - c.Min/2) // halves: the whole may be no number any more
	return uint32(math.Round(min(max(part, 0), 1) * math.MaxUint32))
}

func meanAt(c Cell, share uint32) float64 {
	part := float64(share) / math.MaxUint32
	return c.Min*(1-part) + c.Max*part
}

// Decode reads what Encode wrote with the same width.
func Decode(b []byte, width time.Duration) (Block, error) {
	r := &reader{rest: b}
	if r.byte() != codeVersion {
		return nil, errCode
	}
	n := r.uvarint()
	if n > uint64(len(b)) {
		return nil, errCode
	}
	out := make(Block, n)
	for range n {
		series := string(r.part())
		body := &reader{rest: r.part()}
		list := body.series(width.Milliseconds())
		if r.bad || body.bad {
			return nil, errCode
		}
		out[series] = list
	}
	return out, nil
}

// reader takes a block apart. After a mistake bad is true, and everything is zero.
type reader struct {
	rest []byte
	bad  bool
}

func (r *reader) fail() { r.rest, r.bad = nil, true }

func (r *reader) byte() byte {
	if len(r.rest) == 0 {
		r.fail()
		return 0
	}
	b := r.rest[0]
	r.rest = r.rest[1:]
	return b
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.rest)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

// part is a number of bytes and as many bytes.
func (r *reader) part() []byte {
	n := r.uvarint()
	if n > uint64(len(r.rest)) {
		r.fail()
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) uint32() uint32 {
	if len(r.rest) < 4 {
		r.fail()
		return 0
	}
	v := binary.BigEndian.Uint32(r.rest)
	r.rest = r.rest[4:]
	return v
}

// series reads what encodeSeries wrote.
func (r *reader) series(width int64) []Cell {
	n, decimals := r.uvarint(), r.byte()
	if n > mostCells || n > uint64(len(r.rest)) || decimals > mostDecimals && decimals != rawValues {
		r.fail()
		return nil
	}
	list := make([]Cell, n)
	var last Cell
	next := int64(0)
	for i := range list {
		c := &list[i]
		head := r.varint()
		c.At = (next + head>>1) * width
		if c.Count = last.Count; head&1 == 1 {
			c.Count = int(r.uvarint())
		}
		next += head>>1 + 1
		if decimals == rawValues {
			c.Min = r.xor(last.Min)
			c.Max = r.xor(c.Min)
		} else {
			least := scaled(last.Min, decimals) + r.varint()
			c.Min = scaledBack(least, decimals)
			c.Max = scaledBack(least+int64(r.uvarint()), decimals)
		}
		if c.Mean = c.Min; c.Min != c.Max {
			c.Mean = meanAt(*c, r.uint32())
		}
		if r.bad {
			return nil
		}
		last = *c
	}
	return list
}

func (r *reader) xor(b float64) float64 {
	return math.Float64frombits(math.Float64bits(b) ^ bits.ReverseBytes64(r.uvarint()))
}
