package wsconn

import (
	"bytes"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// digested is what an intake gives out of b that comes in pieces, each as long as the next of cuts says.
func digested(b []byte, cuts []int, deflated bool) (units [][]byte, refused bool, kept int) {
	in := intake{limit: 1000, deflated: deflated}
	for len(b) > 0 && !refused {
		n := len(b)
		if len(cuts) > 0 {
			n = min(n, cuts[0])
			cuts = cuts[1:]
		}
		in.buf = append(in.buf, b[:n]...)
		b = b[n:]
		for {
			var unit []byte
			if unit, refused = in.next(); unit == nil {
				break
			}
			units = append(units, bytes.Clone(unit))
			if refused {
				break
			}
		}
	}
	return units, refused, len(in.buf) + len(in.begun)
}

// TestIntake: however a stream comes in pieces, the same messages and control frames come out of it, each whole; and what is kept is bounded.
func TestIntake(t *testing.T) {
	firsts := []byte{fin | opText, opText, opMore, fin | opMore, fin | opPing, fin | opPong, fin | opClose, fin | opBinary, fin | rsv1 | opText, opPing, 0x83, 0xf1}
	rapid.Check(t, func(t *rapid.T) {
		var stream []byte
		for range rapid.IntRange(1, 12).Draw(t, "frames") {
			first := firsts[min(rapid.IntRange(0, 30).Draw(t, "first"), rapid.IntRange(0, len(firsts)-1).Draw(t, "other"))]
			stream = append(stream, maskedFrame(first, make([]byte, rapid.SampledFrom([]int{0, 1, 100, 126, 700, 70_000}).Draw(t, "size")))...)
		}
		if rapid.Bool().Draw(t, "unfinished") {
			stream = stream[:rapid.IntRange(0, len(stream)).Draw(t, "end")]
		}
		deflated := rapid.Bool().Draw(t, "deflated")
		whole, refused, _ := digested(stream, nil, deflated)
		cuts := rapid.SliceOfN(rapid.IntRange(1, 400), 0, 200).Draw(t, "cuts")
		pieces, refused2, kept := digested(stream, cuts, deflated)
		if refused2 != refused || len(pieces) != len(whole) {
			t.Fatalf("%d units in pieces, refused %v; %d and %v at once", len(pieces), refused2, len(whole), refused)
		}
		for i, unit := range whole {
			if i == len(whole)-1 && refused {
				break // as far as it came
			}
			if !bytes.Equal(unit, pieces[i]) {
				t.Errorf("unit %d is %q in pieces, %q at once", i, pieces[i], unit)
			}
		}
		if !refused && kept > 2000+14 {
			t.Errorf("%d bytes are kept; want a message at most", kept)
		}
	})
}

// TestIntakeOfNothing: fragments without a byte are legal, and cost none.
func TestIntakeOfNothing(t *testing.T) {
	in := intake{limit: 1000}
	in.buf = maskedFrame(opText, nil)
	for range 10_000 {
		if unit, refused := in.next(); unit != nil || refused {
			t.Fatal("an unfinished message is given out")
		}
		in.buf = append(in.buf, maskedFrame(opMore, nil)...)
	}
	if n := len(in.buf) + len(in.begun); n > 20 {
		t.Errorf("%d bytes are kept; want the first frame and the last", n)
	}
}

// TestIntakeOfBytes: a message that comes in fragments of a byte each, with the longest headers, takes no more memory than in one.
func TestIntakeOfBytes(t *testing.T) {
	const size = 10_000
	in := intake{limit: size}
	for i := range size - 1 {
		first := byte(opMore)
		if i == 0 {
			first = opText
		}
		in.buf = append(in.buf, first, masked|127, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 3, 4, 'x'^1)
		if unit, refused := in.next(); unit != nil || refused {
			t.Fatal("an unfinished message is given out")
		}
	}
	if n := cap(in.buf) + cap(in.begun); n > 2*size {
		t.Errorf("%d bytes are kept; want those of the message", n)
	}
	in.buf = maskedFrame(fin|opMore, []byte("y"))
	unit, refused := in.next()
	h, whole := parseHeader(unit)
	if refused || !whole || h.first != fin|opText || h.total() != int64(len(unit)) {
		t.Fatalf("refused %v, %+v of %d bytes; want one frame", refused, h, len(unit))
	}
	got := make([]byte, h.payload)
	disguise(got, unit[h.length:], unit[h.length-4:h.length])
	if want := strings.Repeat("x", size-1) + "y"; string(got) != want {
		t.Errorf("%.20q…; want %.20q…", got, want)
	}
}

// hugeFrame is the header of a frame that claims to be as long as a length can say.
func hugeFrame(first byte) []byte {
	return []byte{first, masked | 127, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4}
}

// TestIntakeOfHuge: a frame that claims to be endless is waited for until more has come of the message than may be, and refused then.
func TestIntakeOfHuge(t *testing.T) {
	for name, begun := range map[string][]byte{"alone": nil, "after a fragment": maskedFrame(opText, []byte("hello"))} {
		in := intake{limit: 1000}
		first := byte(fin | opText)
		if begun != nil {
			first = opMore
		}
		in.buf = append(begun, hugeFrame(first)...)
		if unit, refused := in.next(); unit != nil || refused {
			t.Errorf("%s: %q, refused %v; want to wait", name, unit, refused)
		}
		in.buf = append(in.buf, make([]byte, 1001)...)
		if unit, refused := in.next(); len(unit) < 1001 || !refused || !in.large {
			t.Errorf("%s: %d bytes, refused %v, too large %v; want all that came", name, len(unit), refused, in.large)
		}
	}
}

func TestOnlyPongs(t *testing.T) {
	pong := string(maskedFrame(fin|opPong, nil))
	for in, want := range map[string]bool{
		pong: true, pong + pong: true, pong[:5]: false, pong + pong[:1]: false,
		string(maskedFrame(fin|opPong, []byte("x"))): false, string(maskedFrame(fin|opPing, nil)): false,
	} {
		if got := onlyPongs([]byte(in)); got != want {
			t.Errorf("onlyPongs(%q) = %v; want %v", in, got, want)
		}
	}
}
