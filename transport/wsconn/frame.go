package wsconn

import (
	"crypto/rand"
	"encoding/binary"
)

// The first byte of a frame (RFC 6455, 5.2).
const (
	fin      = 0x80
	rsv1     = 0x40 // permessage-deflate (RFC 7692, 6)
	opMore   = 0x0
	opText   = 0x1
	opBinary = 0x2
	opClose  = 0x8
	opPing   = 0x9
	opPong   = 0xA
)

// masked is set in the second byte of a frame from a client (RFC 6455, 5.3).
const masked = 0x80

// TextFrame is a whole text message in one frame from a server.
func TextFrame(payload []byte) []byte { return frame(fin|opText, payload) }

// BinaryFrame is a whole binary message in one frame from a server.
func BinaryFrame(payload []byte) []byte { return frame(fin|opBinary, payload) }

// DeflatedFrame is a whole text message whose payload is a deflate segment ended by a sync flush, which goes unsent.
func DeflatedFrame(segment []byte) []byte {
	return frame(fin|rsv1|opText, segment[:len(segment)-4])
}

// closeFrame says goodbye from a server.
func closeFrame(code int, reason string) []byte {
	return frame(fin|opClose, append(binary.BigEndian.AppendUint16(nil, uint16(code)), reason...)) // #nosec G115 -- a close code
}

// frame puts the header of an unmasked frame before the payload.
func frame(first byte, payload []byte) []byte {
	b := make([]byte, 0, len(payload)+10)
	switch n := len(payload); {
	case n < 126:
		b = append(b, first, byte(n)) // #nosec G115 -- below 126
	case n < 1<<16:
		b = append(b, first, 126)
		b = binary.BigEndian.AppendUint16(b, uint16(n)) // #nosec G115 -- below 1<<16
	default:
		b = append(b, first, 127)
		b = binary.BigEndian.AppendUint64(b, uint64(n)) // #nosec G115 -- a length
	}
	return append(b, payload...)
}

// maskedFrame is a frame from a client: its payload is disguised by a key that nobody can foresee.
func maskedFrame(first byte, payload []byte) []byte {
	plain := frame(first, payload)
	head := len(plain) - len(payload)
	b := make([]byte, len(plain)+4)
	copy(b, plain[:head])
	b[1] |= masked
	key := b[head : head+4]
	_, _ = rand.Read(key) // it never fails
	disguise(b[head+4:], plain[head:], key)
	return b
}

// disguise masks from into to, or takes the mask off.
func disguise(to, from, key []byte) {
	for i, c := range from {
		to[i] = c ^ key[i%4]
	}
}

// endOfFrame is where the frame of p ends, which is a row of whole ones, that was cut at n.
func endOfFrame(p []byte, n int) int {
	end := 0
	for end < n {
		head, size := 2, int(p[end+1]&^masked)
		if p[end+1]&masked != 0 {
			head += 4
		}
		switch size {
		case 126:
			head, size = head+2, int(binary.BigEndian.Uint16(p[end+2:]))
		case 127:
			head, size = head+8, int(binary.BigEndian.Uint64(p[end+2:])) // #nosec G115 -- written by frame
		}
		end += head + size
	}
	return end
}
