package wsconn

import (
	"encoding/binary"
	"math"
)

// intake holds what a client has sent until the library can do something with it: a control frame, or all frames of a message.
type intake struct {
	buf      []byte // that is not looked at yet: from the beginning of a frame on
	begun    []byte // one frame of what has come of a message whose last frame has not, with the longest header
	limit    int64  // bytes of a message
	deflated bool   // the first frame of a message may be
	skip     int64  // bytes of a refused frame that have not come
	large    bool   // it was refused for its size
}

func (in *intake) empty() bool { return in == nil || len(in.buf) == 0 && in.begun == nil }

// next cuts a control frame or a message off, or returns nil when more has to come. What cannot become either is
// returned as far as it came, for the library to refuse, and refused says so. The slice is good until the next call.
func (in *intake) next() (unit []byte, refused bool) {
	if in == nil {
		return nil, false
	}
	for len(in.buf) >= 2 {
		h, whole := parseHeader(in.buf)
		if !in.legal(h) {
			return in.refuse(h), true
		}
		if !whole {
			return nil, false
		}
		came := min(h.total(), int64(len(in.buf)))
		if !h.control() && in.size()+came-h.length > in.limit {
			in.large = true
			return in.refuse(h), true
		}
		if came < h.total() {
			return nil, false
		}
		frame := in.buf[:came:came]
		if in.buf = in.buf[came:]; len(in.buf) == 0 {
			in.buf = nil
		}
		switch {
		case h.control() || h.fin() && in.begun == nil:
			return frame, false
		case h.fin():
			in.gather(h, frame)
			unit := in.gathered(fin)
			in.begun = nil
			return unit, false
		}
		in.gather(h, frame)
	}
	return nil, false
}

// longest is the length of the header of begun: two bytes, eight of the payload's length, and a mask that changes nothing.
const longest = 14

// size is how much payload of an unfinished message has come.
func (in *intake) size() int64 { return max(0, int64(len(in.begun)-longest)) }

// gather adds a fragment to begun: its payload alone, as a header may be many times that.
func (in *intake) gather(h header, frame []byte) {
	if in.begun == nil {
		in.begun = make([]byte, longest, longest+len(frame))
		in.begun[0], in.begun[1] = h.first, masked|127
	}
	from := len(in.begun)
	in.begun = append(in.begun, frame[h.length:]...)
	disguise(in.begun[from:], in.begun[from:], frame[h.length-4:h.length])
}

// gathered is begun with its header, the first byte of which gets end; nil: there is none.
func (in *intake) gathered(end byte) []byte {
	if in.begun != nil {
		in.begun[0] |= end
		binary.BigEndian.PutUint64(in.begun[2:], uint64(in.size())) // #nosec G115 -- a length
	}
	return in.begun
}

// legal says whether a frame with this header may come now, as far as the library must know before it reads on.
func (in *intake) legal(h header) bool {
	switch {
	case !h.masked || h.payload < 0 || h.first&0x30 != 0:
		return false
	case h.control():
		return h.op() <= opPong && h.fin() && h.payload <= 125 && h.first&rsv1 == 0
	case h.op() == opMore:
		return in.begun != nil && h.first&rsv1 == 0
	}
	return in.begun == nil && h.op() <= opBinary && (in.deflated || h.first&rsv1 == 0)
}

// refuse gives out everything up to the end of the frame, as far as it came.
func (in *intake) refuse(h header) []byte {
	came := int64(len(in.buf))
	if h.payload >= 0 && h.payload < 1<<40 {
		came = min(h.total(), came)
		in.skip = h.total() - came
	}
	unit := append(in.gathered(0), in.buf[:came]...)
	in.buf, in.begun = in.buf[came:], nil
	return unit
}

// header is that of a frame (RFC 6455, 5.2).
type header struct {
	first   byte
	masked  bool
	length  int64 // of the header
	payload int64
}

func (h header) op() byte      { return h.first & 0xf }
func (h header) fin() bool     { return h.first&fin != 0 }
func (h header) control() bool { return h.first&8 != 0 }

// total is the length of the frame. One that claims nearly all that a length can say has no room left for its header.
func (h header) total() int64 { return h.length + min(h.payload, math.MaxInt64-h.length) }

// parseHeader reads the header with which b, of two bytes at least, begins. One that is not whole has the payload of the first two bytes, or none where that comes later.
func parseHeader(b []byte) (h header, whole bool) {
	h = header{first: b[0], masked: b[1]&masked != 0, length: 2, payload: int64(b[1] &^ masked)}
	wide := 0
	switch h.payload {
	case 126:
		wide = 2
	case 127:
		wide = 8
	}
	h.length += int64(wide)
	if h.masked {
		h.length += 4
	}
	if int64(len(b)) < h.length {
		if wide > 0 {
			h.payload = 0 // not known, so that where the pieces were cut decides nothing
		}
		return h, false
	}
	switch wide {
	case 2:
		h.payload = int64(binary.BigEndian.Uint16(b[2:]))
	case 8:
		h.payload = int64(binary.BigEndian.Uint64(b[2:])) // #nosec G115 -- negative: it is refused
	}
	return h, true
}

// onlyPongs says whether b is nothing but answers to our pings, which are empty.
func onlyPongs(b []byte) bool {
	const size = 6
	for len(b) >= size && b[0] == fin|opPong && b[1] == masked {
		b = b[size:]
	}
	return len(b) == 0
}
