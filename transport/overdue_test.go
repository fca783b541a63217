package transport

import "testing"

// TestWantsBeat: a heartbeat that brings an overdue id goes along with readings, which have none, but not after a bye, or beside an id.
func TestWantsBeat(t *testing.T) {
	reading, message := &event{name: "reading"}, &event{name: "message", id: "e-1"}
	for name, tt := range map[string]struct {
		batch   Batch
		overdue bool
		want    bool
	}{
		"nothing else":      {Batch{}, false, true},
		"a reading":         {Batch{events: []*event{reading}}, false, false},
		"a reading, late":   {Batch{events: []*event{reading}}, true, true},
		"a message, late":   {Batch{events: []*event{reading, message}}, true, false},
		"the last of all":   {Batch{events: []*event{reading}, last: true}, true, false},
		"a message in time": {Batch{events: []*event{message}}, false, false},
	} {
		if got := tt.batch.wantsBeat(tt.overdue); got != tt.want {
			t.Errorf("%s: %v; want %v", name, got, tt.want)
		}
	}
}
