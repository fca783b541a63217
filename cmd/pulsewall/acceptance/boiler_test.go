package acceptance

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/pulsewall/pulsewall/alerts"
	"github.com/pulsewall/pulsewall/feeds"
)

// boiler is what nodes poll, and the people whom they tell of it. A test sets how hot it is, and may do something when a node has read it, or
// is about to tell.
type boiler struct {
	server *httptest.Server

	mu    sync.Mutex
	heat  float64
	onRow func(node string) // called when a node has been answered; guarded by mu, like all below
	onTop func(node string) // called when a node tells, before it is answered
	told  []boilerCall
}

// boilerCall is one call of the notifier.
type boilerCall struct {
	node  string
	event alerts.Event
}

func newBoiler(t *testing.T) *boiler {
	b := &boiler{heat: 20}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /heat", func(w http.ResponseWriter, r *http.Request) {
		b.mu.Lock()
		heat, then := b.heat, b.onRow
		b.mu.Unlock()
		_, _ = fmt.Fprint(w, heat)
		_ = http.NewResponseController(w).Flush()
		if then != nil && heat >= 90 {
			then(r.URL.Query().Get("node"))
		}
	})
	mux.HandleFunc("POST /told", func(w http.ResponseWriter, r *http.Request) {
		call := boilerCall{node: r.URL.Query().Get("node")}
		if err := json.NewDecoder(r.Body).Decode(&call.event); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		b.mu.Lock()
		b.told = append(b.told, call)
		then := b.onTop
		b.mu.Unlock()
		if then != nil {
			then(call.node)
		}
	})
	b.server = httptest.NewServer(mux)
	t.Cleanup(b.server.Close)
	return b
}

// set changes the boiler.
func (b *boiler) set(change func(b *boiler)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change(b)
}

// calls are those so far.
func (b *boiler) calls() []boilerCall {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]boilerCall(nil), b.told...)
}

// boilers is the feed of a node that has a boiler.
func (s nodeSettings) boilers() []feeds.Feed {
	if s.Boiler == "" {
		return nil
	}
	crit := 90.0
	return []feeds.Feed{{
		Name: "boiler", Source: boilerSource{s}, Interval: s.Interval, AlertFor: []string{""},
		Thresholds: []feeds.Threshold{{Field: "heat", Crit: &crit}},
	}}
}

// hooks are the notifiers of such a node.
func (s nodeSettings) hooks() []alerts.Notifier {
	if s.Boiler == "" {
		return nil
	}
	return []alerts.Notifier{boilerHook{s}}
}

type boilerSource struct{ s nodeSettings }

func (boilerSource) Describe() feeds.Description {
	return feeds.Description{
		Title: "Boiler", ID: "id", Whole: true, Values: []string{"heat"},
		Fields: []feeds.Field{{Name: "id", Label: "Boiler", Type: "string"}, {Name: "heat", Label: "Heat", Unit: "°C", Type: "number"}},
	}
}

func (b boilerSource) Poll(ctx context.Context, _ feeds.Query) (feeds.Result, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, b.s.Boiler+"/heat?node="+b.s.Name, nil)
	if err != nil {
		return feeds.Result{}, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return feeds.Result{}, err
	}
	defer resp.Body.Close()
	var heat float64
	err = json.NewDecoder(resp.Body).Decode(&heat)
	return feeds.Result{Records: []feeds.Record{{"id": "north", "heat": heat}}}, err
}

type boilerHook struct{ s nodeSettings }

func (boilerHook) Name() string { return "hook" }

func (b boilerHook) Notify(ctx context.Context, e alerts.Event) error {
	body, err := json.Marshal(e)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, b.s.Boiler+"/told?node="+b.s.Name, bytes.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %s", resp.Status)
	}
	return nil
}
