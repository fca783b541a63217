package acceptance

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pulsewall/pulsewall/dashboard"
)

// What the first load of a dashboard may cost, in bytes over the wire: on a wall that has just started, and on one that keeps an hour
// of readings.
const (
	mostWeight = 60 << 10
	mostFull   = 72 << 10
)

// TestWeightAfterAnHour opens built-in dashboards when an hour of readings is kept: their curves are full, and they must still be
// light to load.
func TestWeightAfterAnHour(t *testing.T) {
	boards := slices.DeleteFunc(dashboard.BuiltinBoards(), func(b dashboard.Board) bool { return b.Name == "overview" }) // an hour of real polls is slow
	for _, b := range boards {
		for i := range b.Panels {
			b.Panels[i].Pin = true
		}
	}
	synctest.Test(t, func(t *testing.T) {
		d, err := dashboard.New(dashboard.Options{Node: "here", Boards: boards, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ran := make(chan error, 1)
		go func() { ran <- d.Run(ctx) }()
		time.Sleep(time.Hour)
		for _, b := range boards {
			address := "/d/" + b.Name
			page := download(t, d, address)
			plain := fetch(d, address, "identity").Body.String()
			weight := page
			for _, asset := range regexp.MustCompile(`/assets/[\w.-]+`).FindAllString(plain, -1) {
				weight += download(t, d, asset)
			}
			if weight > mostFull {
				t.Errorf("%s weighs %d bytes after an hour, the page itself %d; want at most %d", address, weight, page, mostFull)
			}
			t.Logf("%s: %.1f KiB, the page itself %.1f", address, float64(weight)/1024, float64(page)/1024)
		}
		cancel()
		if err := <-ran; err != nil {
			t.Error(err)
		}
	})
}

func fetch(h http.Handler, address, encoding string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, "http://127.0.0.1:7000"+address, nil)
	r.Header.Set("Accept-Encoding", encoding)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// download returns how many bytes a browser gets from an address.
func download(t *testing.T, h http.Handler, address string) int {
	t.Helper()
	w := fetch(h, address, "gzip")
	if w.Code != http.StatusOK {
		t.Fatalf("%s: %d %s", address, w.Code, w.Body)
	}
	return w.Body.Len()
}
