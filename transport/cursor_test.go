package transport

import (
	"errors"
	"maps"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParseCursor(t *testing.T) {
	tests := []struct {
		in   string
		want position
		err  error
	}{
		{in: "e1-0", want: position{Position: Position{Epoch: "e1"}}},
		{in: "e1-42", want: position{Position: Position{Epoch: "e1", Seq: 42}}},
		{in: "e1-9223372036854775807", want: position{Position: Position{Epoch: "e1", Seq: 1<<63 - 1}}},
		{in: "e1-7.AAAAAQ4", want: position{Position: Position{Epoch: "e1", Seq: 7}, versions: map[uint32]int64{1: 7}}},
		{in: "e1-7+l2-3", want: position{Position: Position{"e1", 7, "l2", 3}}},
		{in: "e1-7+l2-3.AAAAAQ4", want: position{Position: Position{"e1", 7, "l2", 3}, versions: map[uint32]int64{1: 7}}},
		{in: "e1-7 l2-3", want: position{Position: Position{"e1", 7, "l2", 3}}}, // a plus in a query that was not escaped
		{in: "e1-7+", err: ErrBadCursor},
		{in: "e1-7+l2", err: ErrBadCursor},
		{in: "e1-7+-3", err: ErrBadCursor},
		{in: "e1-7+l2-03", err: ErrBadCursor},
		{in: "e1-7+l2-3+l2-4", err: ErrBadCursor},
		{in: "", err: ErrBadCursor},
		{in: "earliest", err: ErrBadCursor},
		{in: "e1", err: ErrBadCursor},
		{in: "-7", err: ErrBadCursor},
		{in: "e1-", err: ErrBadCursor},
		{in: "e1--7", err: ErrBadCursor},
		{in: "e1-+7", err: ErrBadCursor},
		{in: "e1-07", err: ErrBadCursor},
		{in: "e1-7 ", err: ErrBadCursor},
		{in: "e1-9223372036854775808", err: ErrBadCursor},
		{in: "e 1-7", err: ErrBadCursor},
		{in: "é-7", err: ErrBadCursor},
		{in: strings.Repeat("e", 65) + "-7", err: ErrBadCursor},
		{in: "e1-7.A", err: ErrBadCursor},
		{in: "e1-7.AAAA", err: ErrBadCursor},
		{in: "e1-7.AAAAAQ", err: ErrBadCursor},
		{in: "e1-7.AAAAAQ4=", err: ErrBadCursor},
		{in: "e1-7.AAAAAf__________________", err: ErrBadCursor},
		{in: "e1-7." + strings.Repeat("A", 4000), err: nil, want: position{Position: Position{Epoch: "e1", Seq: 7}, versions: map[uint32]int64{0: 0}}},
	}
	for _, tt := range tests {
		got, err := parseCursor(tt.in)
		if !errors.Is(err, tt.err) || got.Position != tt.want.Position || !maps.Equal(got.versions, tt.want.versions) {
			t.Errorf("parseCursor(%q) = %+v, %v; want %+v, %v", tt.in, got, err, tt.want, tt.err)
		}
	}
}

func positions() *rapid.Generator[position] {
	return rapid.Custom(func(t *rapid.T) position {
		name := rapid.StringMatching(`[a-z0-9]{1,10}`)
		p := position{versions: rapid.MapOfN(rapid.Uint32(), rapid.Int64(), 0, 50).Draw(t, "versions")}
		p.Epoch, p.Seq = name.Draw(t, "epoch"), rapid.Int64Min(0).Draw(t, "seq")
		if rapid.Bool().Draw(t, "alone") {
			p.Life, p.N = name.Draw(t, "life"), rapid.Int64Min(0).Draw(t, "n")
		}
		return p
	})
}

func TestCursorRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := positions().Draw(t, "position")
		got, err := parseCursor(want.cursor())
		if err != nil || got.Position != want.Position || !maps.Equal(got.versions, want.versions) {
			t.Fatalf("parseCursor(%q) = %+v, %v; want %+v", want.cursor(), got, err, want)
		}
		id, err := parseCursor(want.ID())
		if err != nil || id.Position != want.Position || len(id.versions) > 0 {
			t.Fatalf("parseCursor(%q) = %+v, %v; want the messages' part of %+v", want.ID(), id, err, want)
		}
	})
}

func FuzzParseCursor(f *testing.F) {
	for _, s := range []string{"", "e1-7", "e1-7.AAAAAQ4", "e1-7.AAAAAf__________________", "earliest", "-", "a-1.", "a-1..", "e1-7+l-3", "e1-7+l-3.AAAAAQ4", "+", "e-1+"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := parseCursor(s)
		if err != nil {
			if !errors.Is(err, ErrBadCursor) || len(err.Error()) > 400 {
				t.Errorf("parseCursor(%q) = %v; want a short ErrBadCursor", s, err)
			}
			return
		}
		again, err := parseCursor(p.cursor())
		if err != nil || again.ID() != p.ID() || !maps.Equal(again.versions, p.versions) {
			t.Errorf("parseCursor(%q) = %+v, which reads back as %+v, %v", s, p, again, err)
		}
	})
}
