package cluster

import (
	"fmt"
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/cluster/member"
)

// endWithin is what a dashboard gives its cluster to end.
const endWithin = 3 * time.Second

// TestEndsWithoutAnswer stops nodes whose member is gone, or is there and says nothing.
func TestEndsWithoutAnswer(t *testing.T) {
	for _, c := range []struct {
		name  string
		fault func(*member.Member)
	}{
		{"killed", func(m *member.Member) { m.Kill() }},
		{"frozen", func(m *member.Member) { m.Freeze() }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := startMember(t, member.Options{})
			n := startNodes(t, 1, optionsFor(t, m))[0]
			n.Enter(Entry{User: "7", Streams: map[string]int{"ws": 1}})
			c.fault(m)
			eventually(t, 20*time.Second, func() error {
				if !n.State().Degraded {
					return fmt.Errorf("it does not know that it is alone")
				}
				return nil
			})
			begun := time.Now()
			n.stop()
			if took := time.Since(begun); took > busyWithin || judged() && took > endWithin {
				t.Errorf("it took %v to end", took)
			}
		})
	}
}
