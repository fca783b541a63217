package acceptance

import (
	"testing"

	"github.com/pulsewall/pulsewall/deploy/balancer"
)

// newBalancer serves nodes (host:port) by a real nginx or HAProxy, round robin, until the test ends. kind is "nginx" or "haproxy".
func newBalancer(t *testing.T, kind string, nodes ...string) *site {
	t.Helper()
	return &site{URL: "http://" + startBalancer(t, balancer.Options{Kind: balancer.Kind(kind), Nodes: nodes}).Addr()}
}

func startBalancer(t *testing.T, o balancer.Options) *balancer.Balancer {
	t.Helper()
	said := &tail{}
	o.Log = said
	b, err := balancer.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		b.Close()
		if t.Failed() {
			t.Logf("%s printed:\n%s", o.Kind, said)
		}
	})
	return b
}
