package cluster

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// FuzzBatch reads whatever another program may write, and what this one writes as it was.
func FuzzBatch(f *testing.F) {
	p := parcel{kind: kindFrame, to: seat{"me#1", 7}, from: seat{"you#2", 9}, n: 3, body: []byte("frame")}
	good := newBatch("you#2", "http://10.0.0.7:7000")
	for range 2 {
		good = append(binary.AppendUvarint(good, uint64(len(p.bytes()))), p.bytes()...)
	}
	f.Add([]byte(good))
	f.Add([]byte(newBatch("", "")))
	f.Add([]byte(good[:len(good)-3]))
	f.Add([]byte{frameVersion, 255, 255, 255, 255, 255, 255})
	f.Fuzz(func(t *testing.T, in []byte) {
		b, err := parseBatch(in, "me#1")
		if err != nil {
			return
		}
		out := newBatch(b.incarnation, b.address)
		for _, p := range b.parcels {
			if len(p.body) > MaxFrame || p.to.incarnation != "me#1" || p.from.incarnation != b.incarnation {
				t.Fatalf("read %+v", p)
			}
			out = append(binary.AppendUvarint(out, uint64(len(p.bytes()))), p.bytes()...)
		}
		again, err := parseBatch([]byte(out), "me#1")
		if err != nil || len(again.parcels) != len(b.parcels) {
			t.Fatalf("%q is read as %+v, and written as %q: %v", in, b, out, err)
		}
		for i, p := range again.parcels {
			if q := b.parcels[i]; p.kind != q.kind || p.n != q.n || p.to != q.to || p.from != q.from || !bytes.Equal(p.body, q.body) {
				t.Fatalf("%+v is written and read as %+v", q, p)
			}
		}
	})
}
