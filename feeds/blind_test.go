package feeds

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestNodeThatDoesNotLearnWhatIsKept comes when the claims of long ago are forgotten: it must ask again, and not poll beside the others.
func TestNodeThatDoesNotLearnWhatIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, src := newMesh(t), slowly(time.Second)
		defer m.stop()
		feed := Feed{Name: "a", Source: src}
		first := m.join(0, feed)
		sub, _ := first.watch("a")
		time.Sleep(94 * time.Second)
		late := m.join(0, feed)
		late.set(func(n *meshNode) { n.blind = 2 })
		late.watch("a")
		time.Sleep(4 * time.Second)
		if got, want := late.last(sub), first.last(sub); src.count() != 10 || got.Version != want.Version {
			t.Errorf("%d polls, version %d; want 10, and version %d", src.count(), got.Version, want.Version)
		}
	})
}
