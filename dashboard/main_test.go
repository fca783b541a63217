package dashboard

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/pulsewall/pulsewall/feeds"
)

func TestMain(m *testing.M) {
	// SockJS's library keeps what is left of a session for 5 s; TestSockJSLeaves waits for it.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/igm/sockjs-go/v3/sockjs.(*Handler).sessionByRequest.func1"))
}

// none is a source of no records.
type none struct{}

func (none) Describe() feeds.Description {
	return feeds.Description{Title: "None", ID: "id", Whole: true, Fields: []feeds.Field{
		{Name: "id", Label: "Id", Type: "string"}, {Name: "value", Label: "Value", Type: "number"},
	}}
}

func (none) Poll(context.Context, feeds.Query) (feeds.Result, error) { return feeds.Result{}, nil }

// newDashboard has the feed rows, which is polled while run runs: until the end of the test.
func newDashboard(t testing.TB) (d *Dashboard, run func()) {
	t.Helper()
	d, err := New(Options{
		Node: "here", Logger: slog.New(slog.DiscardHandler), Boards: []Board{},
		Feeds: []feeds.Feed{{Name: "rows", Source: none{}, Interval: 10 * time.Second}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.hub.Close)
	return d, func() {
		ctx, cancel := context.WithCancel(context.Background())
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := d.Run(ctx); err != nil {
				t.Error(err)
			}
		})
		t.Cleanup(func() { cancel(); wg.Wait() })
	}
}
