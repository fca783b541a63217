package dashboard

import (
	"context"
	"errors"
	"log/slog"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pulsewall/pulsewall/cluster"
	"github.com/pulsewall/pulsewall/history"
)

// recalling is a cluster of nodes that say what they remember. One without an answer hangs.
type recalling struct {
	*cluster.Local
	answers map[string][]byte
	others  []cluster.Node // that are gone
}

func (r recalling) Nodes() []cluster.Node {
	nodes := append(r.Local.Nodes(), r.others...)
	for name := range r.answers {
		nodes = append(nodes, cluster.Node{Name: name, Incarnation: name + "#1", Seen: time.Now()})
	}
	return nodes
}

func (r recalling) Ask(ctx context.Context, incarnation string, _ []byte) ([]byte, error) {
	if answer := r.answers[incarnation[:len(incarnation)-2]]; answer != nil {
		return answer, nil
	}
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestSeen(t *testing.T) {
	says := func(b history.Block) []byte { return append([]byte{pastBlock}, b.Encode(time.Minute)...) }
	span := history.Span{From: time.UnixMilli(0), To: time.UnixMilli(600_000), Step: time.Minute}
	early := history.Block{"x": {{At: 0, Min: 1, Mean: 3, Max: 3, Count: 2}, {At: 60_000, Min: 5, Mean: 5, Max: 5, Count: 1}}}
	late := history.Block{"x": {{At: 60_000, Min: 4, Mean: 8, Max: 8, Count: 6}, {At: 180_000, Min: 7, Mean: 7, Max: 7, Count: 1}}}
	tests := []struct {
		name    string
		answers map[string][]byte
		others  []cluster.Node
		want    history.Block
		missing []string
		err     error
	}{
		{name: "nobody else", err: errNoPast},
		{name: "nobody remembers", answers: map[string][]byte{"b": {pastNone}, "c": {}}, err: errNoPast},
		{name: "they overlap and disagree", answers: map[string][]byte{"b": says(early), "c": says(late)}, want: history.Block{"x": {
			{At: 0, Min: 1, Mean: 3, Max: 3, Count: 2}, {At: 60_000, Min: 4, Mean: 8, Max: 8, Count: 6}, {At: 180_000, Min: 7, Mean: 7, Max: 7, Count: 1},
		}}},
		{name: "one hangs", answers: map[string][]byte{"b": says(early), "c": nil}, want: early, missing: []string{"c"}},
		{name: "one is confused", answers: map[string][]byte{"b": says(early), "c": {pastBlock, 9, 9}}, want: early, missing: []string{"c"}},
		{name: "one died, one left, one is there again, one is not known yet", answers: map[string][]byte{"b": says(early)}, others: []cluster.Node{
			{Name: "dead", Incarnation: "dead#1", Gone: true, Seen: time.UnixMilli(1)}, {Name: "left", Incarnation: "left#1", Gone: true, Left: true, Seen: time.UnixMilli(1)},
			{Name: "b", Incarnation: "b#0", Gone: true, Seen: time.UnixMilli(1)}, {Name: "new", Incarnation: "new#1", Gone: true},
		}, want: early, missing: []string{"dead"}},
		{name: "all hang", answers: map[string][]byte{"b": nil, "c": nil}, want: history.Block{}, missing: []string{"b", "c"}},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			d := &Dashboard{log: slog.New(slog.DiscardHandler), cluster: recalling{Local: cluster.NewLocal("a", nil), answers: tt.answers, others: tt.others}}
			begun := time.Now()
			got, missing, err := d.seen(t.Context(), pastQuery{span: span})
			if !errors.Is(err, tt.err) || !reflect.DeepEqual(missing, tt.missing) || tt.err == nil && !reflect.DeepEqual(got, tt.want) {
				t.Errorf("%s: %v, missing %v, %v; want %v, %v, %v", tt.name, got, missing, err, tt.want, tt.missing, tt.err)
			}
			if took := time.Since(begun); took > othersWithin {
				t.Errorf("%s: after %v; want %v at most", tt.name, took, othersWithin)
			}
		})
	}
}
