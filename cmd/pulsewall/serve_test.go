package main

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestBusyPort(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	code, _, stderr := invoke(t, nil, "--listen", ln.Addr().String())
	want := regexp.MustCompile(`^pulsewall: port \d+ is taken: try --listen 127\.0\.0\.1:\d+\n$`)
	if code != 1 || !want.MatchString(stderr) {
		t.Errorf("listening on a busy port = %d, %q; want 1, %s", code, stderr, want)
	}
}

func TestURL(t *testing.T) {
	tests := []struct {
		addr   address
		secure bool
		want   string
	}{
		{"127.0.0.1:7000", false, "http://127.0.0.1:7000"},
		{"[::1]:7000", true, "https://[::1]:7000"},
		{"[::]:7000", false, "http://127.0.0.1:7000"},
		{"0.0.0.0:80", false, "http://127.0.0.1:80"},
		{"192.0.2.1:7000", false, "http://192.0.2.1:7000"},
	}
	for _, tt := range tests {
		if got := tt.addr.url(tt.secure); got != tt.want {
			t.Errorf("address(%q).url(%v) = %q; want %q", tt.addr, tt.secure, got, tt.want)
		}
	}
}

func TestServes(t *testing.T) {
	p := launch(t, "--interval", "1s")
	for _, path := range []string{"/healthz", "/readyz", "/", "/d/overview", "/metrics", "/api/feeds"} {
		eventually(t, func() error {
			if res, body := get(t, http.DefaultClient, p.url+path); res.StatusCode != http.StatusOK {
				return fmt.Errorf("GET %s = %s\n%s", path, res.Status, body)
			}
			return nil
		})
	}
}

func TestExitsWithOpenStreams(t *testing.T) {
	p := launch(t, "--interval", "1s")
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.url+"/live?feed=processes&size=5", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "text/event-stream")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	seen := func(event string) bool {
		for lines.Scan() {
			if lines.Text() == "event: "+event || lines.Text() == "event:"+event {
				return true
			}
		}
		return false
	}
	if !seen("hello") || !seen("reading") {
		t.Fatalf("the stream gave no hello and reading: %v", lines.Err())
	}
	code, took := p.exit()
	if code != 0 || took > endsWithin() {
		t.Errorf("exit with an open stream = %d after %v; want 0 within %v\n%s", code, took, endsWithin(), p.log)
	}
	if !seen("bye") {
		t.Errorf("the stream ended without bye: %v", lines.Err())
	}
}

// process starts the program as a process of its own.
func process(t *testing.T, args ...string) (*exec.Cmd, *logged) {
	t.Helper()
	log := newLogged()
	cmd := exec.CommandContext(t.Context(), binary, append([]string{"--listen", "127.0.0.1:0"}, args...)...)
	cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+t.TempDir()) // a history of its own
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, log
}

func TestSignal(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		cmd, log := process(t)
		log.wait(t, listeningURL)
		began := time.Now()
		if err := cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err != nil || time.Since(began) > endsWithin() {
			t.Errorf("%v: %v after %v; want exit 0 within %v\n%s", sig, err, time.Since(began), endsWithin(), log)
		}
	}
}

func TestSecondSignal(t *testing.T) {
	cmd, log := process(t)
	url := log.wait(t, listeningURL)
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	// A body that never comes keeps a request in flight, so that the first signal has something to wait for.
	if _, err := io.WriteString(conn, "POST /api/messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || !strings.Contains(line, "100") {
		t.Fatalf("POST = %q, %v; want 100 Continue", line, err)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	log.wait(t, "msg=stopping")
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // the state says more
	state := cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !state.Signaled() || state.Signal() != syscall.SIGTERM { // else the first would have ended it, with an exit
		t.Errorf("second SIGTERM: %v; want ended by it\n%s", cmd.ProcessState, log)
	}
}

// certificate writes a certificate for 127.0.0.1 and returns the files and a client that trusts it.
func certificate(t *testing.T) (cert, key string, client *http.Client) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "pulsewall"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, kind string, der []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	transport := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}
	t.Cleanup(transport.CloseIdleConnections)
	return write("cert.pem", "CERTIFICATE", der), write("key.pem", "PRIVATE KEY", secret), &http.Client{Transport: transport}
}

func TestTLS(t *testing.T) {
	cert, key, client := certificate(t)
	p := launch(t, "--tls-cert", cert, "--tls-key", key)
	if !strings.HasPrefix(p.url, "https://127.0.0.1:") {
		t.Errorf("url = %q; want https", p.url)
	}
	eventually(t, func() error {
		if res, _ := get(t, client, p.url+"/healthz"); res.StatusCode != http.StatusOK || res.ProtoMajor != 2 {
			return fmt.Errorf("GET /healthz = %s by %s; want 200 by HTTP/2", res.Status, res.Proto)
		}
		return nil
	})
}
