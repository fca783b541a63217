package feeds

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// BenchmarkHTTPPoll asks for a table of 5,000 records in 1 MiB: one that is new each time, and one that is the same.
func BenchmarkHTTPPoll(b *testing.B) {
	row := `{"id":%d,"name":"` + strings.Repeat("x", 150) + `","value":12.5,"at":"2026-01-01T12:00:00Z"}`
	rows := make([]string, 5000)
	for i := range rows {
		rows[i] = fmt.Sprintf(row, i)
	}
	body := []byte(`{"rows":[` + strings.Join(rows, ",") + `]}`)
	for _, tag := range []string{"", `"v1"`} {
		name := map[bool]string{true: "changed", false: "same"}[tag == ""]
		b.Run(name, func(b *testing.B) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("ETag", tag)
				if tag != "" && r.Header.Get("If-None-Match") == tag {
					w.WriteHeader(http.StatusNotModified)
					return
				}
				_, _ = w.Write(body)
			}))
			defer server.Close()
			source, err := NewHTTP(HTTPOptions{URL: Secret(server.URL), Records: "rows"})
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = source.Close() }()
			b.ReportAllocs()
			for b.Loop() {
				if res, err := source.Poll(b.Context(), Query{}); err != nil || len(res.Records) != len(rows) {
					b.Fatalf("%d records, %v", len(res.Records), err)
				}
			}
		})
	}
}
