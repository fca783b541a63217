package cluster

import (
	"encoding/binary"
	"errors"
	"math"
	"time"
)

// errFrame reports bytes that no node of this version wrote.
var errFrame = errors.New("cluster: malformed frame")

// frameVersion stands first in every frame, so that a later form can be told apart.
const frameVersion = 1

// frame builds the bytes that nodes exchange: fields one after the other, without names.
type frame []byte

func newFrame() frame { return frame{frameVersion} }

func (f frame) str(s string) frame {
	return append(binary.AppendUvarint(f, uint64(len(s))), s...)
}

func (f frame) int(n int64) frame { return binary.AppendVarint(f, n) }

func (f frame) time(t time.Time) frame { return f.int(t.UnixMicro()) }

// parser reads a frame. After a mistake every field is empty and err says so.
type parser struct {
	rest []byte
	err  error
}

// parse begins to read what a data structure or a topic gave.
func parse(value any) *parser {
	b, ok := value.([]byte)
	if !ok || len(b) == 0 || b[0] != frameVersion {
		return &parser{err: errFrame}
	}
	return &parser{rest: b[1:]}
}

func (p *parser) fail() {
	p.rest, p.err = nil, errFrame
}

func (p *parser) int() int64 {
	n, size := binary.Varint(p.rest)
	if size <= 0 {
		p.fail()
		return 0
	}
	p.rest = p.rest[size:]
	return n
}

func (p *parser) str() string {
	n, size := binary.Uvarint(p.rest)
	if size <= 0 || n > math.MaxInt32 || len(p.rest)-size < int(n) {
		p.fail()
		return ""
	}
	s := string(p.rest[size : size+int(n)])
	p.rest = p.rest[size+int(n):]
	return s
}

func (p *parser) time() time.Time { return time.UnixMicro(p.int()) }

// bytes is all that is left.
func (p *parser) bytes() []byte {
	b := p.rest
	p.rest = nil
	return b
}
