package dashboard_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/pulsewall/pulsewall/dashboard"
)

// FuzzLiveQuery asks with any query: the answer is a list of events or a problem, never a failure of the server.
func FuzzLiveQuery(f *testing.F) {
	for _, query := range []string{
		"", "sub=rows", "sub=rows;kind=k&sub=rows/7/2/5", "feed=rows&current=2&size=5&unionId=-9223372036854775808",
		"room=a&presence=1&format=html&session=s&name=%C3%A4", "after=earliest", "after=a-1.AAAA", "%zz", "sub=%00", "a;b", "&&=&",
	} {
		f.Add(query)
	}
	d, err := dashboard.New(options(&counting{}))
	if err != nil {
		f.Fatal(err)
	}
	ctx, done := f.Context(), make(chan error, 1)
	go func() { done <- d.Run(ctx) }() // ends with the fuzz test's context
	f.Fuzz(func(t *testing.T, query string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/live/poll", nil)
		r.URL.RawQuery = "wait=0&" + query
		w := httptest.NewRecorder()
		d.ServeHTTP(w, r)
		if w.Code >= 500 || !json.Valid(w.Body.Bytes()) {
			t.Errorf("live?%q = %d %s", query, w.Code, w.Body)
		}
	})
	f.Cleanup(func() { <-done })
}
