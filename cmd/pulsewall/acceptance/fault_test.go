package acceptance

import (
	"os"
	"testing"
	"time"
)

// conditions are what members are told, and how long they then take.
type conditions struct {
	name   string
	config []byte
	gone   time.Duration // until they give up a member that is silent
	merged time.Duration // until they are one cluster again after a split
}

// underConditions runs a test with the configuration that operators start from, and with PULSEWALL_LONG with a member's own as well.
func underConditions(t *testing.T, test func(t *testing.T, c conditions)) {
	list := []conditions{{name: "tuned", config: tunedMembers(t), gone: 10 * time.Second, merged: wellAgain}}
	if os.Getenv("PULSEWALL_LONG") != "" {
		list = append(list, conditions{name: "default", gone: 60 * time.Second, merged: 8 * time.Minute})
	}
	for _, c := range list {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			test(t, c)
		})
	}
}

// either is one of the two, since which of the members has the log is chance, or both with PULSEWALL_LONG.
func either(names ...string) []string {
	if os.Getenv("PULSEWALL_LONG") == "" {
		return names[:1]
	}
	return names
}

// TestFrozenMember stops the only member where it stands, as a machine that hangs: every node is alone, says so, and goes on.
func TestFrozenMember(t *testing.T) {
	t.Parallel()
	underConditions(t, func(t *testing.T, c conditions) {
		o := newOrdeal(t, newFleet(t, 1, c.config, 2))
		end := o.load()
		pass(t, 2*time.Second)
		o.fleet.members[0].Freeze()
		defer o.fleet.members[0].Thaw()
		t.Logf("alone after %v", o.degraded(15*time.Second, 1, 2))
		pass(t, 8*time.Second)
		o.fleet.members[0].Thaw()
		o.well(wellAgain)
		end()
		o.judge()
		o.nothingLost()
		o.noneLeft()
	})
}

// TestFrozenMemberOfTwo stops one of two members for so long that the other goes on without it: then they are two clusters that have to
// find each other again.
func TestFrozenMemberOfTwo(t *testing.T) {
	t.Parallel()
	underConditions(t, func(t *testing.T, c conditions) {
		for i, name := range either("first", "second") {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				o := newOrdeal(t, newFleet(t, 2, c.config, 2))
				end := o.load()
				pass(t, 2*time.Second)
				o.fleet.members[i].Freeze()
				defer o.fleet.members[i].Thaw()
				pass(t, c.gone+4*time.Second)
				o.fleet.members[i].Thaw()
				o.well(c.merged)
				end()
				o.judge()
				o.noneLeft()
			})
		}
	})
}
