package dashboard

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/pulsewall/pulsewall/cluster"
)

// TestWantsOfManyNodes tells other nodes what this one wants of them: of 100 nodes with the names that they give themselves all at once;
// of what does not fit, all in turn.
func TestWantsOfManyNodes(t *testing.T) {
	for _, tt := range []struct {
		nodes, polls, blobs int
		name                string
	}{
		{3, 2, 1, "rows@%s"},
		{100, 3, 1, "rows%[2]d@%[1]s"},
		{100, 100, 6, "rows@%s/%d/1/10"},
	} {
		var nodes []string
		all, r := make(map[string][]string), rand.New(rand.NewPCG(1, 2)) // #nosec G404 -- names
		for range tt.nodes {
			node := fmt.Sprintf("machine-%06x", r.IntN(1<<24))
			nodes = append(nodes, node)
			for i := range tt.polls {
				if !slices.Contains(all[node], fmt.Sprintf("rows@%s", node)) {
					all[node] = append(all[node], poll(tt.name, node, i))
				}
			}
		}
		all["gone"] = []string{"rows@gone"}
		var w errands
		told, blobs := make(map[string]bool), 0
		for list := w.list(all, nodes); len(told) < len(list) && blobs < 10*tt.blobs; blobs++ {
			b, n := w.fit(nodeStatus{Version: "1"}, list)
			if len(b) > mostStatus || n == 0 {
				t.Fatalf("%d bytes with %d wants", len(b), n)
			}
			s := statusOf(cluster.Node{Status: b})
			for _, node := range nodes {
				for _, poll := range s.wantsOf(node) {
					if !slices.Contains(all[node], poll) {
						t.Fatalf("%s was told of %s", node, poll)
					}
					told[poll] = true
				}
			}
		}
		if blobs > tt.blobs {
			t.Errorf("%d nodes, %d polls each: told in %d statuses; want %d at most", tt.nodes, tt.polls, blobs, tt.blobs)
		}
		t.Logf("%d nodes, %d polls each: told in %d", tt.nodes, tt.polls, blobs)
	}
}

// poll is the name of a poll of a node.
func poll(format, node string, i int) string {
	if format == "rows@%s" {
		return fmt.Sprintf(format, node)
	}
	return fmt.Sprintf(format, node, i)
}
