package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
)

// TestFeedsFromElsewhere polls a file, a server and the metrics of a program as a configuration names them.
func TestFeedsFromElsewhere(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/metrics":
			fmt.Fprint(w, "temperature{rack=\"a\"} 21.5\ntemperature{rack=\"b\"} NaN\nother 1\n")
		case r.Header.Get("Authorization") == "Bearer open-sesame":
			fmt.Fprintf(w, `{"rows":[{"who":{"id":%q},"n":"12.25"}],"total":31}`, r.URL.Query().Get("u"))
		default:
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	defer server.Close()
	writeConfig(t, strings.ReplaceAll(`feeds:
  - name: api
    http: { url: "SERVER/?u={unionId}&o={offset}", token: "${KEY}", records: rows, total: total }
    id: who
    fields: [{ name: who, from: who.id }, { name: n, type: number, decimals: 1 }]
  - name: rack
    prometheus: { scrape: "SERVER/metrics", match: temperature }
    id: rack
    fields: [{ name: rack }, { name: value, type: number }]
  - name: table
    file: { path: table.csv, tail: 1 }
`, "SERVER", server.URL))
	if err := os.WriteFile("table.csv", []byte("a,b\n1,2\n3,4\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		feed, key string
		code      int
		want      []string
	}{
		{"api", "open-sesame", 0, []string{"page 2 of 4, 1 of 31 records", "who  n", "7    12.2"}},
		{"api", "wrong-sesame", 1, []string{"401 Unauthorized: check headers, token"}},
		{"rack", "open-sesame", 0, []string{"2 of 2 records", "a     21.5", "b     –"}},
		{"table", "open-sesame", 0, []string{"1 of 1 records", "a  b", "3  4"}},
	} {
		args := []string{"feed", "test", tt.feed, "--config", "wall.yaml"}
		if tt.feed == "api" {
			args = append(args, "--union-id", "7", "--current", "2")
		}
		code, stdout, stderr := invoke(t, []string{"KEY=" + tt.key}, args...)
		for _, want := range tt.want {
			if all := stdout + stderr; code != tt.code || !strings.Contains(all, want) || strings.Contains(all, "sesame") {
				t.Errorf("feed test %s = %d, %s; want %d, with %q and no secret", tt.feed, code, all, tt.code, want)
			}
		}
	}
}
