package cluster

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/cluster/member"
)

// sender appends at a rate until ctx ends and remembers what was acknowledged.
type sender struct {
	sent  int
	acked map[string]Position
	alone int
	slow  time.Duration
}

func (s *sender) run(ctx context.Context, n *node, name string, every time.Duration) {
	var running sync.WaitGroup
	defer running.Wait()
	var mu sync.Mutex
	s.acked = make(map[string]Position)
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		key := fmt.Sprintf("%s-%d", name, s.sent)
		s.sent++
		running.Go(func() {
			begun := time.Now()
			for try := 0; try < 10; try++ {
				p, err := n.Append(context.Background(), key, []byte(strings.Repeat("x", 200)))
				if err != nil {
					continue
				}
				mu.Lock()
				defer mu.Unlock()
				s.slow = max(s.slow, time.Since(begun))
				if p.Alone() {
					s.alone++
				} else {
					s.acked[key] = p
				}
				return
			}
		})
	}
}

// TestMemberKilledUnderLoad kills one of two members while three nodes send 200 messages a second each.
func TestMemberKilledUnderLoad(t *testing.T) {
	t.Parallel()
	pair := startPair(t, member.Options{Config: tuned(t)})
	nodes := startNodes(t, 3, optionsFor(t, pair...))
	epoch := nodes[0].Epoch()
	ctx, cancel := context.WithTimeout(t.Context(), 14*time.Second)
	defer cancel()
	senders := make([]sender, len(nodes))
	var sending sync.WaitGroup
	for i, n := range nodes {
		sending.Go(func() { senders[i].run(ctx, n, n.Node(), 5*time.Millisecond) })
	}
	pause(ctx, 5*time.Second)
	pair[0].Kill()
	sending.Wait()
	joined(t, 30*time.Second, nodes...)
	mustAppend(t, nodes[0], "last")
	acknowledged(t, nodes, senders, epoch)
	if nodes[0].Epoch() != epoch {
		t.Error("the death of one of two members began the log anew")
	}
}

// TestMemberOfTwoFrozen stops one of two members for so long that the other goes on without it: afterwards they are two
// clusters that have to find each other again.
func TestMemberOfTwoFrozen(t *testing.T) {
	for i, name := range []string{"first", "second"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pair := startPair(t, member.Options{Config: tuned(t)})
			nodes := startNodes(t, 2, optionsFor(t, pair...))
			epoch := nodes[0].Epoch()
			ctx, cancel := context.WithTimeout(t.Context(), 24*time.Second)
			defer cancel()
			senders := make([]sender, len(nodes))
			var sending sync.WaitGroup
			for i, n := range nodes {
				sending.Go(func() { senders[i].run(ctx, n, n.Node(), 20*time.Millisecond) })
			}
			pause(ctx, 2*time.Second)
			pair[i].Freeze()
			pause(ctx, 14*time.Second)
			pair[i].Thaw()
			sending.Wait()
			eventually(t, 30*time.Second, func() error {
				if pair[0].Size() != 2 || pair[1].Size() != 2 {
					return fmt.Errorf("the members are of %d and %d", pair[0].Size(), pair[1].Size())
				}
				return nil
			})
			joined(t, 30*time.Second, nodes...)
			mustAppend(t, nodes[0], "last")
			acknowledged(t, nodes, senders, epoch)
		})
	}
}

// acknowledged checks that each message that was acknowledged is in every node's log once, and that the logs are equal;
// unless the log began anew, which every node must have been told then.
func acknowledged(t *testing.T, nodes []*node, senders []sender, epoch string) {
	t.Helper()
	eventually(t, 10*time.Second, func() error {
		var logs [][]string
		for _, n := range nodes {
			n.log.mu.Lock()
			var shared []string
			for _, it := range n.log.items {
				if !it.Alone() {
					shared = append(shared, it.Key)
				}
			}
			n.log.mu.Unlock()
			logs = append(logs, shared)
			if !slices.Equal(shared, logs[0]) {
				return fmt.Errorf("%s has %d messages, %s %d, or in another order", n.Node(), len(shared), nodes[0].Node(), len(logs[0]))
			}
		}
		return nil
	})
	began := nodes[0].Epoch() != epoch
	for i, s := range senders {
		missing := 0
		for key := range s.acked {
			if nodes[0].log.keys[key] == 0 {
				missing++
			}
		}
		t.Logf("%s: %d sent, %d acknowledged, %d alone, %d not in the log; slowest %v",
			nodes[i].Node(), s.sent, len(s.acked), s.alone, missing, s.slow)
		if missing > 0 && !began {
			t.Errorf("%d messages of %s were acknowledged and are in no log", missing, nodes[i].Node())
		}
	}
	if began {
		t.Logf("the log began anew: %s after %s", nodes[0].Epoch(), epoch)
	}
}
