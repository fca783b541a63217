package acceptance

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pulsewall/pulsewall/deploy"
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

// TestBalancerFiles has nginx and HAProxy check the files in deploy as they are.
func TestBalancerFiles(t *testing.T) {
	t.Parallel()
	cert, key := certificate(t)
	dir := t.TempDir()
	files := map[string][]byte{"nginx.conf": deploy.Nginx, "nginx-wss.conf": deploy.NginxTLS, "haproxy.cfg": deploy.HAProxy}
	for name, from := range map[string]string{"cert.pem": cert, "key.pem": key} {
		var err error
		if files[name], err = os.ReadFile(from); err != nil {
			t.Fatal(err)
		}
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, check := range []struct {
		kind balancer.Kind
		args []string
	}{
		{balancer.Nginx, []string{"-t", "-p", dir, "-e", "stderr", "-c", filepath.Join(dir, "nginx.conf")}},
		{balancer.NginxTLS, []string{"-t", "-p", dir, "-e", "stderr", "-c", filepath.Join(dir, "nginx-wss.conf")}},
		{balancer.HAProxy, []string{"-c", "-f", filepath.Join(dir, "haproxy.cfg")}},
	} {
		program, err := balancer.Program(check.kind)
		if err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(program, check.args...).CombinedOutput()
		if said := string(out); err != nil || strings.Contains(said, "[warn]") || strings.Contains(said, "[WARNING]") {
			t.Errorf("%s: %v\n%s", check.kind, err, said)
		}
	}
}
