package dashboard

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/pulsewall/pulsewall/cluster"
	"github.com/pulsewall/pulsewall/feeds"
)

// TestMachineOnAPage shows the machine of the node that the address of a page names, in panels that name none of their own.
func TestMachineOnAPage(t *testing.T) {
	d, err := New(Options{
		Node: "here", Logger: slog.New(slog.DiscardHandler),
		Feeds: []feeds.Feed{{Name: "rows", Source: machine{}}},
		Boards: []Board{{Name: "main", Panels: []Panel{
			{Name: "any", Feed: "rows"}, {Name: "fixed", Feed: "rows@third"},
		}}},
		Cluster: func(j Joining) (cluster.Cluster, error) {
			return pair{cluster.NewLocal(j.Node, j.Handler), j.Status}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.hub.Close)
	d.joining.end()
	get := func(path string) string {
		w := httptest.NewRecorder()
		d.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		return w.Body.String()
	}
	tests := []struct {
		path  string
		want  []string
		wants string // the choice
	}{
		{"/d/main", []string{`data-sub="rows@here/-/1/10"`, `data-sub="rows@third/-/1/10"`, ">node here<", ">node third<", "data-follows"}, `<option value="" selected>`},
		{"/d/main?node=there", []string{`data-sub="rows@there/-/1/10"`, `data-sub="rows@third/-/1/10"`, ">node there<"}, `<option value="there" selected>`},
		{"/d/main?node=nobody", []string{`data-sub="rows@nobody/-/1/10"`}, `<option value="nobody" selected>`},
		{"/d/main?node=a%2Fb", []string{`"status":400`, `node \"a/b\"`}, ""},
	}
	for _, tt := range tests {
		page := get(tt.path)
		for _, want := range append(tt.want, tt.wants) {
			if !strings.Contains(page, want) {
				t.Errorf("%s lacks %s", tt.path, want)
			}
		}
		if named := strings.Contains(tt.path, "node="); strings.Contains(page, "data-follows") == named {
			t.Errorf("%s: a panel follows: %v", tt.path, !named)
		}
	}
}
