package dashboard_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/cluster"
	"github.com/pulsewall/pulsewall/dashboard"
)

// lost is a cluster of a node that has lost the others: one of them left, one is not to be seen.
type lost struct{ *cluster.Local }

func (lost) State() cluster.State {
	return cluster.State{Degraded: true, Since: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}
}

func (l lost) Nodes() []cluster.Node {
	at := time.Now().Add(-time.Minute)
	return append(l.Local.Nodes(),
		cluster.Node{Name: "other", Incarnation: "other#1", Gone: true, Seen: at},
		cluster.Node{Name: "other", Incarnation: "other#0", Gone: true, Seen: at.Add(-time.Hour)},
		cluster.Node{Name: "past", Incarnation: "past#1", Gone: true, Left: true, Seen: at})
}

// TestAlone says everywhere that a node has lost the others: on each page, in presence, metrics and readyz.
func TestAlone(t *testing.T) {
	for _, strict := range []bool{false, true} {
		t.Run(fmt.Sprint("strict ", strict), func(t *testing.T) {
			t.Parallel()
			opts := two(dashboard.Options{StrictReady: strict, Cluster: func(j dashboard.Joining) (cluster.Cluster, error) {
				return lost{cluster.NewLocal(j.Node, j.Handler)}, nil
			}})
			w := newWall(t, opts, false)
			for _, path := range []string{"/", "/d/main", "/d/nodes", "/nothing"} {
				if page := w.get(path, "Accept: text/html").body; !strings.Contains(page, `data-notice="alone"`) {
					t.Errorf("%s does not say that the node is alone", path)
				}
			}
			for path, want := range map[string]string{
				"/api/presence": `"degraded":true`, "/api/nodes": `"degraded":true`, "/metrics": "\npulsewall_degraded 1\n",
			} {
				if body := w.get(path).body; !strings.Contains(body, want) {
					t.Errorf("%s: %s; want %s", path, body, want)
				}
			}
			if strict {
				w.get("/readyz").wantProblem(t, "strict readyz", http.StatusServiceUnavailable, "node here is alone since 2026-11-22T12:00:00Z")
			} else if a := w.get("/readyz"); a.StatusCode != http.StatusOK || a.object(t)["degraded"] != true {
				t.Errorf("readyz %d %s", a.StatusCode, a.body)
			}
			got := ""
			for _, n := range w.get("/api/nodes").object(t)["nodes"].([]any) {
				n := n.(map[string]any)
				got += fmt.Sprint(n["name"], " ", n["state"], " ", n["memory"] != nil, ", ")
			}
			if want := "here alone true, other unknown false, past left false, "; got != want {
				t.Errorf("nodes: %s; want %s", got, want)
			}
		})
	}
}
