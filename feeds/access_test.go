package feeds

import (
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestHTTPRedirect follows to the same host by default, and tells another one nothing.
func TestHTTPRedirect(t *testing.T) {
	t.Parallel()
	var elsewhere []http.Header
	other := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		elsewhere = append(elsewhere, r.Header)
		fmt.Fprint(w, `[{"at":"other"}]`)
	})
	base := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/away":
			http.Redirect(w, r, other+"/", http.StatusFound)
		case "/here":
			http.Redirect(w, r, "/there", http.StatusFound)
		default:
			fmt.Fprintf(w, `[{"at":"same","key":%q}]`, r.Header.Get("X-Key"))
		}
	})
	poll := func(path, redirects string) ([]Record, error) {
		o := HTTPOptions{URL: Secret(base + path + "?key=" + secretKey)}
		o.Headers, o.User, o.Password, o.Redirects = map[string]Secret{"X-Key": secretKey}, "u", secretKey, redirects
		res, err := newTestHTTP(t, o).Poll(t.Context(), Query{})
		return res.Records, err
	}
	if got, err := poll("/here", ""); err != nil || got[0]["key"] != secretKey {
		t.Errorf("same host: %v, %v; want it followed, with headers", got, err)
	}
	if _, err := poll("/here", "none"); !errors.Is(err, errRedirect) {
		t.Errorf("redirects none: %v; want %v", err, errRedirect)
	}
	if _, err := poll("/away", ""); !errors.Is(err, errRedirect) || len(elsewhere) > 0 {
		t.Errorf("other host: %v, asked %d times; want %v, never", err, len(elsewhere), errRedirect)
	}
	got, err := poll("/away", "any")
	if err != nil || got[0]["at"] != "other" || len(elsewhere) != 1 {
		t.Fatalf("redirects any: %v, %v; want the other's", got, err)
	}
	moved := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/prometheus"+r.URL.Path, http.StatusMovedPermanently)
	})
	_, err = newTestPrometheus(t, PrometheusOptions{URL: Secret(moved), Query: "up"}).Poll(t.Context(), Query{})
	if !errors.Is(err, errRedirect) || !strings.Contains(err.Error(), "put that into the url") {
		t.Errorf("a query redirected to another path: %v; want %v, since the query is lost", err, errRedirect)
	}
	if told := fmt.Sprint(elsewhere[0]); strings.Contains(told, secretKey) || elsewhere[0].Get("Authorization") != "" || elsewhere[0].Get("Referer") != "" {
		t.Errorf("the other host was told %s; want neither key, password nor referrer", told)
	}
}

// TestHTTPS trusts whom it is told to.
func TestHTTPS(t *testing.T) {
	t.Parallel()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		fmt.Fprintf(w, `[{"user":%q,"password":%q}]`, user, password)
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	ca := filepath.Join(t.TempDir(), "ca.pem")
	data := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	if err := os.WriteFile(ca, data, 0o600); err != nil {
		t.Fatal(err)
	}
	address := strings.TrimPrefix(s.URL, "https://")
	poll := func(url string, a Access) (Result, error) {
		return newTestHTTP(t, HTTPOptions{URL: Secret(url), Access: a}).Poll(t.Context(), Query{})
	}
	if _, err := poll(s.URL, Access{}); err == nil || !strings.Contains(err.Error(), "signed by nobody who is trusted here") {
		t.Errorf("unknown certificate: %v; want what to do", err)
	}
	_, port, _ := net.SplitHostPort(address)
	if _, err := poll("https://localhost:"+port, Access{CA: ca}); err == nil || !strings.Contains(err.Error(), "for another name") {
		t.Errorf("certificate of another: %v; want an error that says so", err)
	}
	want := []Record{{"user": "u", "password": secretKey}}
	for _, a := range []Access{{CA: ca}, {InsecureTLS: true}} {
		res, err := poll("https://u:"+secretKey+"@"+address, a)
		if diff := cmp.Diff(want, res.Records); err != nil || diff != "" {
			t.Errorf("%+v: %v, -want +got:\n%s", a, err, diff)
		}
	}
}

func TestNewHTTP(t *testing.T) {
	tests := []struct {
		name    string
		o       HTTPOptions
		key     string
		problem string
	}{
		{name: "no url", key: "url", problem: "is missing"},
		{name: "records", o: HTTPOptions{URL: "http://h", Records: "a..b"}, key: "records", problem: "no path"},
		{name: "pages without total", o: HTTPOptions{URL: "http://h?o={offset}&n={limit}"}, key: "total", problem: "is missing"},
		{name: "size alone", o: HTTPOptions{URL: "http://h?n={limit}", Total: "n"}, key: "url", problem: "says which page"},
		{name: "total without pages", o: HTTPOptions{URL: "http://h", Total: "n"}, key: "total", problem: "whole table"},
		{name: "two totals", o: HTTPOptions{URL: "http://h?o={offset}", Total: "n", TotalHeader: "N"}, key: "totalHeader", problem: "excludes"},
		{name: "total in records", o: HTTPOptions{URL: "http://h?o={offset}", Total: "d.n", Records: "d"}, key: "total", problem: "beside the records"},
		{name: "two users", o: HTTPOptions{URL: "http://a:b@h", Access: Access{User: "u"}}, key: "user", problem: "once"},
		{name: "user and token", o: HTTPOptions{URL: "http://h", Access: Access{User: "u", Token: "t"}}, key: "token", problem: "exclude"},
		{name: "password alone", o: HTTPOptions{URL: "http://h", Access: Access{Password: "t"}}, key: "password", problem: "needs a user"},
		{name: "token over lines", o: HTTPOptions{URL: "http://h", Access: Access{Token: "a\r\nb"}}, key: "token", problem: "line break"},
		{name: "header over lines", o: HTTPOptions{URL: "http://h", Access: Access{Headers: map[string]Secret{"X": "a\nb"}}}, key: "headers.X", problem: "line break"},
		{name: "header name", o: HTTPOptions{URL: "http://h", Access: Access{Headers: map[string]Secret{"a b": "c"}}}, key: "headers.a b", problem: "no name"},
		{name: "our header", o: HTTPOptions{URL: "http://h", Access: Access{Headers: map[string]Secret{"accept-encoding": "br"}}}, key: "headers.accept-encoding", problem: "for pulsewall to send"},
		{name: "redirects", o: HTTPOptions{URL: "http://h", Access: Access{Redirects: "all"}}, key: "redirects", problem: `"all"; allowed: same, any, none`},
		{name: "timeout", o: HTTPOptions{URL: "http://h", Access: Access{Timeout: -1}}, key: "timeout", problem: "more than 0"},
		{name: "bytes", o: HTTPOptions{URL: "http://h", Access: Access{MaxBytes: 1 << 40}}, key: "maxBytes", problem: "1024 to"},
		{name: "no ca", o: HTTPOptions{URL: "http://h", Access: Access{CA: "/nosuch"}}, key: "ca", problem: "no such file"},
		{name: "empty ca", o: HTTPOptions{URL: "http://h", Access: Access{CA: "http_test.go"}}, key: "ca", problem: "no certificate"},
	}
	for _, tt := range tests {
		_, err := NewHTTP(tt.o)
		var option *OptionError
		if !errors.As(err, &option) || option.Key != tt.key || !strings.Contains(option.Problem, tt.problem) {
			t.Errorf("%s: NewHTTP = %v; want an OptionError of %s with %q", tt.name, err, tt.key, tt.problem)
		}
	}
}
