package dashboard

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/cluster"
	"github.com/pulsewall/pulsewall/feeds"
)

// machine is a source that measures the node.
type machine struct{ none }

func (machine) Describe() feeds.Description {
	d := none{}.Describe()
	d.PerNode = true
	return d
}

// pair is a cluster with one node more, that asks for the status when something is wanted of it.
type pair struct {
	*cluster.Local
	status func() []byte
}

func (p pair) Want(context.Context, string) (cluster.Reading, bool, error) {
	p.status()
	return cluster.Reading{}, false, nil
}

func (p pair) Nodes() []cluster.Node {
	return append(p.Local.Nodes(), cluster.Node{Name: "there", Incarnation: "there#1", Seen: time.Now()})
}

// TestWatchedElsewhere asks for the machine of another node, which the scheduler has to be told of by the cluster.
func TestWatchedElsewhere(t *testing.T) {
	d, err := New(Options{
		Node: "here", Logger: slog.New(slog.DiscardHandler), Boards: []Board{},
		Feeds: []feeds.Feed{{Name: "rows", Source: machine{}, Interval: 10 * time.Second}},
		Cluster: func(j Joining) (cluster.Cluster, error) {
			return pair{cluster.NewLocal(j.Node, j.Handler), j.Status}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.hub.Close)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { _ = d.Run(ctx) })
	t.Cleanup(func() { cancel(); wg.Wait() })
	for path, want := range map[string]int{"/api/readings?sub=rows@there": http.StatusOK, "/api/readings?sub=rows@nobody": http.StatusOK} {
		answer := make(chan int, 1)
		go func() {
			w := httptest.NewRecorder()
			d.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
			answer <- w.Code
		}()
		select {
		case got := <-answer:
			if got != want {
				t.Errorf("GET %s = %d; want %d", path, got, want)
			}
		case <-time.After(time.Minute):
			t.Fatalf("GET %s has no answer", path)
		}
	}
}
