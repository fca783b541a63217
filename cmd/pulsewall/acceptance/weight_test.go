package acceptance

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"regexp"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pulsewall/pulsewall/dashboard"
	"github.com/pulsewall/pulsewall/feeds"
)

// mostWeight is what the first load of a dashboard may cost, in bytes over the wire.
const mostWeight = 60 << 10

// TestWeightAfterAnHour opens built-in dashboards when an hour of readings is kept: their curves are full, and they must still be
// light to load.
func TestWeightAfterAnHour(t *testing.T) {
	boards, list := dashboard.BuiltinBoards(), feeds.Builtin("here")
	for i, f := range list {
		if f.Name == "host" || f.Name == "processes" { // an hour of real polls is slow
			list[i].Source = newMachine(f.Source)
		}
	}
	for _, b := range boards {
		for i := range b.Panels {
			b.Panels[i].Pin = true
		}
	}
	synctest.Test(t, func(t *testing.T) {
		d, err := dashboard.New(dashboard.Options{Node: "here", Feeds: list, Boards: boards, Logger: slog.New(slog.DiscardHandler)})
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
			if weight > mostWeight {
				t.Errorf("%s weighs %d bytes after an hour, the page itself %d; want at most %d", address, weight, page, mostWeight)
			}
			t.Logf("%s: %.1f KiB, the page itself %.1f", address, float64(weight)/1024, float64(page)/1024)
		}
		cancel()
		if err := <-ran; err != nil {
			t.Error(err)
		}
	})
}

// machine stands in for the feeds that measure a real one: eight cores, and as many other series.
type machine struct {
	feeds.Source
	random *rand.Rand
	load   [40]float64 // of each record, walking between 0 and 1
}

func newMachine(real feeds.Source) *machine {
	return &machine{Source: real, random: rand.New(rand.NewPCG(1, 2))}
}

// groups are how many records a machine has of each, and how large and in which unit.
var groups = []struct {
	name  string
	n     int
	most  float64
	unit  string
	share bool
}{
	{"summary", 8, 100, "%", false}, {"cpu", 8, 100, "%", false}, {"network", 2, 900, "Mbit/s", false}, {"disk", 4, 100, "%", true},
}

func (m *machine) Poll(context.Context, feeds.Query) (feeds.Result, error) {
	var out []feeds.Record
	for _, g := range groups {
		for i := range g.n {
			load := &m.load[len(out)]
			*load = min(max(*load+0.1*m.random.NormFloat64(), 0), 1)
			rec := feeds.Record{
				"id": fmt.Sprintf("%s-%d", g.name, i), "group": g.name, "label": fmt.Sprintf("%s %d", g.name, i),
				"value": math.Round(*load*g.most*10) / 10, "unit": g.unit, "detail": fmt.Sprintf("of %.1f %s", g.most, g.unit),
				"pid": 1000 + 17*len(out), "command": fmt.Sprintf("/usr/bin/service-%d --config /etc/service-%d.yaml", i, len(out)), "user": g.name,
				"cpu": math.Round(*load*1000) / 10, "memory": int64(*load * (1 << 32)), "threads": len(out),
			}
			if g.share {
				rec["percent"] = math.Round(*load*1000) / 10
			}
			out = append(out, rec)
		}
	}
	return feeds.Result{Records: out}, nil
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
