package cluster

import "testing"

// TestNodesAsksNobody holds that who looks at the nodes may hold a lock that Status waits for.
func TestNodesAsksNobody(t *testing.T) {
	h := NewHazelcast("here", silent{}, Options{Addresses: []string{"127.0.0.1:1"}, Status: func() []byte {
		t.Error("Nodes called Status")
		return nil
	}})
	if list := h.Nodes(); len(list) != 1 || list[0].Name != "here" || !list[0].Self {
		t.Errorf("Nodes() = %+v; want this one", list)
	}
}

// silent takes nothing.
type silent struct{ Handler }
