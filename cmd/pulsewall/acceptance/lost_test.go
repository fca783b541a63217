package acceptance

import (
	"fmt"
	"os"
	"testing"
	"time"
)

// TestLost has nomads hop, some of them between the transports of one node only, while both members are killed and started anew: the log
// is gone with them. Each nomad has every letter that was answered, or a reset where something is gone; what was said on a node alone
// stays there; afterwards letters flow in one order again, and who is online is counted right. It takes 25 s with 60 nomads; with
// PULSEWALL_LONG 60 s with 300. It wants the machine for itself.
func TestLost(t *testing.T) {
	nomads, span := 60, 25*time.Second
	if os.Getenv("PULSEWALL_LONG") != "" {
		nomads, span = 300, time.Minute
	}
	j := newJourney(t, nomads, 2)
	w := newTown(t, j.sites, nomads)
	w.lossy, w.guests = true, true
	j.send(3, 20*time.Millisecond, span, func(began time.Time) {
		j.at(began, 0.2, span)
		j.members[0].Kill()
		j.members[1].Kill()
		eventually(t, 10*time.Second, func() error {
			for i, s := range j.sites {
				if p := presenceOf(t, s); !p.Degraded {
					return fmt.Errorf("node %d does not know that it is alone", i+1)
				}
			}
			return nil
		})
		t.Logf("all nodes know that they are alone %v after the death of the members", time.Since(began.Add(span/5)).Round(10*time.Millisecond))
		j.at(began, 0.5, span)
		j.again(0)
		j.again(1)
		back := time.Now()
		together(t, j.sites)
		t.Logf("together again %v after the second member was ready", time.Since(back).Round(10*time.Millisecond))
	})
	j.arrive(time.Minute)
	v := j.judge()
	v.log(t)
	for _, h := range v.resets {
		if h.reset != anew && h.reset != elsewhere && h.reset != ahead {
			t.Errorf("a reset for another reason: %q", h.reset)
		}
	}
	t.Logf("counted right after %v", w.right(15*time.Second, false, 0, 1, 2))
}
