package acceptance

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/security"
)

// TestTLS serves with a certificate: pages, SSE and long polls over HTTP/2, WebSockets beside it.
func TestTLS(t *testing.T) {
	t.Parallel()
	cert, key := certificate(t)
	address := freeAddress(t)
	server := start(t, address, nil, "--interval", "2s", "--tls-cert", cert, "--tls-key", key)
	server.URL = "https://" + address
	eventually(t, 20*time.Second, func() error {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			_ = conn.Close()
		}
		return err
	})
	secured(t, server.URL, "/d/overview")
}

// secured opens a page whose certificate nobody trusts in browsers, on each rung: it is live there, and all that is a request comes
// over HTTP/2.
func secured(t *testing.T, address, path string) {
	t.Helper()
	for _, w := range ways[:3] {
		p := newTab(t)
		p.must(call(p.ctx, security.SetIgnoreCertificateErrors, security.SetIgnoreCertificateErrorsParams{Ignore: true}))
		w.openIn(p, address+path)
		p.until(10*time.Second, `document.querySelector("[data-slot=transport]").textContent === "`+w.transport+`" && `+isLive)
		protocols, err := eval[[]string](p, `performance.getEntriesByType("navigation").concat(performance.getEntriesByType("resource")).map(
			function (e) { return e.nextHopProtocol; }).filter(Boolean)`)
		p.must(err)
		for _, protocol := range protocols {
			if protocol != "h2" {
				t.Errorf("%s: over %q; want h2 for all", w.name, protocols)
				break
			}
		}
		if len(protocols) == 0 {
			t.Errorf("%s: no requests measured", w.name)
		}
		version, err := eval[string](p, `document.querySelector("[data-panel]").getAttribute("data-version")`)
		p.must(err)
		p.until(6*time.Second, `document.querySelector("[data-panel]").getAttribute("data-version") !== "`+version+`"`)
		p.quiet(strings.Replace(address, "https", "wss", 1))
	}
}

// certificate writes one for this machine that nobody trusts, and its key.
func certificate(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "pulsewall test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	public, err := x509.CreateCertificate(rand.Reader, about, about, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for file, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: public}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}
