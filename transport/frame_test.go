package transport

import "encoding/binary"

// Opcodes and flags of frames (RFC 6455, 5.2).
const (
	final  = 0x80
	rsv1   = 0x40
	more   = 0x0 // continuation
	txt    = 0x1
	binar  = 0x2
	closes = 0x8
	ping   = 0x9
	pong   = 0xA
)

// frame is one as it came from the server.
type frame struct {
	first   byte
	payload []byte
}

func (f frame) op() byte { return f.first & 0xf }

// masked is a client's frame.
func masked(first byte, payload []byte) []byte {
	b := []byte{first}
	switch n := len(payload); {
	case n < 126:
		b = append(b, 0x80|byte(n)) // #nosec G115 -- below 126
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n)) // #nosec G115 -- below 1<<16
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n)) // #nosec G115 -- a length
	}
	key := [4]byte{0x12, 0x34, 0x56, 0x78}
	b = append(b, key[:]...)
	for i, x := range payload {
		b = append(b, x^key[i%4])
	}
	return b
}
