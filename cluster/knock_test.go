package cluster

import (
	"net"
	"testing"

	"github.com/pulsewall/pulsewall/cluster/member"
)

// TestKnock tells a member that answers from one that hangs, from somebody else, and from nobody.
func TestKnock(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := startMember(t, member.Options{})
	knocks := func(who, address string, want, wantErr bool) {
		t.Helper()
		if got, err := knock(t.Context(), address); got != want || (err != nil) != wantErr {
			t.Errorf("%s: answers %v, %v", who, got, err)
		}
	}
	knocks("a member", m.Addr(), true, false)
	m.Freeze()
	knocks("one that hangs", m.Addr(), false, false)
	m.Thaw()
	knocks("somebody who says nothing", ln.Addr().String(), false, false)
	_ = ln.Close()
	knocks("nobody", ln.Addr().String(), false, true)
}
