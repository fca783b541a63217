package cluster

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/cluster/member"
)

// TestChurn has people come and go on a node without a pause: the other one still learns who is there.
func TestChurn(t *testing.T) {
	t.Parallel()
	m := startMember(t, member.Options{})
	nodes := startNodes(t, 2, optionsFor(t, m))
	a, b := nodes[0], nodes[1]
	a.Enter(Entry{User: "7", Streams: map[string]int{"ws": 1}})
	ctx, cancel := context.WithCancel(t.Context())
	var churning sync.WaitGroup
	defer churning.Wait()
	defer cancel()
	churning.Go(func() {
		for n := 0; ctx.Err() == nil; n++ {
			a.Enter(Entry{User: "8", Streams: map[string]int{"ws": n % 2}})
			pause(ctx, writeSoon/10)
		}
	})
	eventually(t, 20*time.Second, func() error {
		if r := b.Roster(); r.Users["7"] == nil {
			return fmt.Errorf("b counts %v", r.Nodes)
		}
		return nil
	})
	if ctx.Err() != nil {
		t.Error("the churn was over")
	}
}
