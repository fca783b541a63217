package cluster

import "testing"

// TestFormerHolder: frames of two who hold the other end come from whom the map names in the end.
func TestFormerHolder(t *testing.T) {
	y := newRelay("here#1")
	r, err := y.Register(t.Context(), End{"c", "web"}, answers)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	one, other := seat{"a#1", 7}, seat{"b#1", 3}
	frame := func(from seat, n int64) { r.accept(parcel{kind: kindFrame, from: from, n: n, body: []byte{byte(n)}}) }
	frame(one, 1)
	frame(one, 2)
	frame(one, 2)   // again
	frame(other, 5) // whoever came after him
	frame(one, 3)   // a late one
	frame(other, 7) // 6 is missing
	r.found(one)    // the map says so
	frame(one, 4)
	frame(other, 8)
	frames, err := r.Receive(t.Context())
	var got []byte
	for _, f := range frames {
		got = append(got, f...)
	}
	if want := "\x01\x02\x05\x07\x04"; string(got) != want || err != nil {
		t.Errorf("Receive = %q, %v; want %q", got, err, want)
	}
	if d := y.Relayed().Dropped; d["late"] != 3 || d["lost"] != 1 {
		t.Errorf("dropped %v; want 3 late and 1 lost", d)
	}
}
