package dashboard

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/pulsewall/pulsewall/cluster"
	"github.com/pulsewall/pulsewall/feeds"
	"github.com/pulsewall/pulsewall/history"
)

// othersWithin is how long other nodes may take to say what they remember.
const othersWithin = time.Second

// errNoPast refuses where nothing is remembered.
var errNoPast = refuse(http.StatusNotFound, "this node keeps no history: it runs with --data-dir off, or could not use its directory, as its log says")

// pastQuestion is what one node asks another.
type pastQuestion struct {
	Sub  string
	From int64 // Unix milliseconds, like To
	To   int64
	Step int64 // milliseconds
}

// What an answer to it begins with.
const (
	pastNone  = 0 // that node remembers nothing
	pastBlock = 1 // a block follows
)

// seen is what this node and all others have seen of a subscription, and the names of those that did not say it in time.
func (d *Dashboard) seen(ctx context.Context, p pastQuery) (block history.Block, missing []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, othersWithin)
	defer cancel()
	var asking sync.WaitGroup
	var mu sync.Mutex
	all := make(history.Block) // guarded by mu, as missing
	nodes := d.cluster.Nodes()
	for _, n := range nodes {
		if n.Self || n.Left || n.Gone && (n.Seen.IsZero() || d.replaced(n, nodes)) {
			continue // one that is there again has its file
		}
		asking.Go(func() {
			theirs, err := d.askPast(ctx, n, p)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				missing = append(missing, n.Name)
				d.log.Debug("history of another node", "node", n.Name, "err", err)
			}
			all.Join(theirs)
		})
	}
	ours, err := d.ownPast(p.sub.String(), p.span)
	asking.Wait()
	all.Join(ours)
	if d.opts.History == nil && len(all) == 0 && len(missing) == 0 {
		return nil, nil, errNoPast
	}
	slices.Sort(missing)
	return all, slices.Compact(missing), err
}

// ownPast is what this node has seen.
func (d *Dashboard) ownPast(sub string, span history.Span) (history.Block, error) {
	if d.opts.History == nil {
		return nil, nil
	}
	block, err := d.opts.History.Range(sub, span)
	switch {
	case errors.Is(err, history.ErrTooMuch):
		return nil, tooMuch(span)
	case err != nil:
		return nil, fmt.Errorf("history of %s: %w", sub, err)
	}
	return block, nil
}

// askPast asks another node. One that is not heard of, as it died or this one is alone, does not answer.
func (d *Dashboard) askPast(ctx context.Context, n cluster.Node, p pastQuery) (history.Block, error) {
	question, err := json.Marshal(pastQuestion{p.sub.String(), p.span.From.UnixMilli(), p.span.To.UnixMilli(), p.span.Step.Milliseconds()})
	if err != nil {
		return nil, err
	}
	if n.Gone {
		return nil, context.DeadlineExceeded
	}
	answer, err := d.cluster.Ask(ctx, n.Incarnation, question)
	if err != nil || len(answer) == 0 || answer[0] != pastBlock {
		return nil, err
	}
	return history.Decode(answer[1:], p.span.Step)
}

// answerPast answers another node.
func (d *Dashboard) answerPast(question []byte) []byte {
	var q pastQuestion
	if err := json.Unmarshal(question, &q); err != nil {
		return []byte{pastNone}
	}
	sub, err := feeds.ParseSubscription(q.Sub)
	step := time.Duration(q.Step) * time.Millisecond
	if err != nil || step < history.Width || step > history.MostStep || q.From < 0 || q.To < q.From || (q.To-q.From)/q.Step > history.MostPoints+2 {
		return []byte{pastNone}
	}
	span := history.Span{From: time.UnixMilli(q.From), To: time.UnixMilli(q.To), Step: step}
	block, err := d.ownPast(sub.String(), span)
	if err != nil {
		if !errors.As(err, new(*Problem)) {
			d.log.Error("history not read", "subscription", q.Sub, "err", err)
		}
		return nil // as if it had not answered
	}
	return append([]byte{pastBlock}, block.Encode(step)...)
}
