package cluster

import (
	"fmt"
	"testing"
	"time"
)

// testChanges waits for what a node says of itself: the others are told of it though nobody comes or goes.
func testChanges(t *testing.T, a, _ *node) {
	count := func() int {
		a.log.mu.Lock()
		defer a.log.mu.Unlock()
		return a.log.changes
	}
	before := count()
	eventually(t, 8*time.Second, func() error {
		if n := count() - before; n < 3 {
			return fmt.Errorf("%d changes", n)
		}
		return nil
	})
}
