package cluster

import (
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/cluster/member"
)

// TestReachedAfterSilence asks for an item that another node appends while the member says nothing for a moment: a look without an answer
// is no reason to say that there is no such item.
func TestReachedAfterSilence(t *testing.T) {
	t.Parallel()
	m := startMember(t, member.Options{})
	nodes := startNodes(t, 2, optionsFor(t, m))
	a, b := nodes[0], nodes[1]
	before := mustAppend(t, a, "before")
	sameLogs(t, 5*time.Second, a, b)
	m.Freeze()
	defer m.Thaw()
	appended := make(chan error, 1)
	go func() {
		_, err := b.Append(t.Context(), "while it was silent", nil)
		appended <- err
	}()
	reached := make(chan bool, 1)
	go func() { reached <- a.Reached(t.Context(), before.Epoch, before.Seq+1) }()
	pause(t.Context(), callTimeout+200*time.Millisecond) // one look fails
	m.Thaw()
	if !<-reached {
		t.Errorf("not reached; degraded: %v", a.State().Degraded)
	}
	if err := <-appended; err != nil {
		t.Error(err)
	}
}
