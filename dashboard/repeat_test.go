package dashboard_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/pulsewall/pulsewall/cluster"
	"github.com/pulsewall/pulsewall/dashboard"
)

// torn is a cluster whose node is alone from its second message on.
type torn struct {
	*cluster.Local
	handler cluster.Handler
	n       int64
}

func (c *torn) Append(_ context.Context, key string, data []byte) (cluster.Position, error) {
	p := cluster.Position{Epoch: c.Epoch(), Seq: 1}
	if c.n++; c.n > 1 {
		p.Life, p.N = "life", c.n
	}
	c.handler.Deliver(cluster.Item{Position: p, Key: key, Data: data})
	return p, nil
}

// TestRepeatAlone: a message that all nodes have is not one of a node alone because it is sent again there.
func TestRepeatAlone(t *testing.T) {
	w := newWall(t, two(dashboard.Options{Cluster: func(j dashboard.Joining) (cluster.Cluster, error) {
		return &torn{Local: cluster.NewLocal(j.Node, j.Handler), handler: j.Handler}, nil
	}}), false)
	for _, tt := range []struct {
		key, id  string
		degraded bool
	}{{"a", "-1", false}, {"a", "-1", false}, {"b", "-1+life-3", true}, {"b", "-1+life-3", true}} {
		got := w.post("/api/messages", fmt.Sprintf(`{"to":{"all":true},"data":1,"key":%q}`, tt.key)).object(t)
		if id := fmt.Sprint(got["id"]); id[len(id)-len(tt.id):] != tt.id || got["degraded"] != tt.degraded {
			t.Errorf("%s: %v; want an id that ends in %s, degraded %v", tt.key, got, tt.id, tt.degraded)
		}
	}
}
