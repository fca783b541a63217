//go:build unix

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/pulsewall/pulsewall/cluster/barehop"
)

const (
	// warmUp is how many rounds are not counted: the members' code is compiled while they run.
	warmUp = 2
	// lateMost is how long something that was sent may be under way.
	lateMost = 10 * time.Second
	// user is whom the messages are for.
	user = "7"
)

// errLost reports something that was sent and did not come.
var errLost = errors.New("it did not come")

// hopBench measures hops from one node to a client of another.
type hopBench struct {
	clusterCommand
	bare     *barehop.Hop
	from, to *node
	progress io.Writer
}

// run measures messages, then readings, each beside the bare topic, and prints both.
func (b hopBench) run(ctx context.Context, stdout io.Writer) error {
	messages, err := b.messages(ctx)
	if err != nil {
		return fmt.Errorf("measure messages: %w", err)
	}
	comparisons := []comparison{messages}
	if b.Feeds > 0 {
		readings, err := b.readings(ctx)
		if err != nil {
			return fmt.Errorf("measure readings: %w", err)
		}
		comparisons = append(comparisons, readings)
	}
	return printTable(stdout, comparisons)
}

// alternate runs rounds of the bare hop and of the other thing in turn.
func (b hopBench) alternate(ctx context.Context, name string, other func() ([]time.Duration, error)) (comparison, error) {
	c := comparison{name: name}
	for n := range warmUp + b.Rounds {
		fmt.Fprintf(b.progress, "\r%s: round %d of %d ", name, n+1, warmUp+b.Rounds)
		bare, err := b.bareRound(ctx)
		if err != nil {
			return c, fmt.Errorf("bare topic: %w", err)
		}
		measured, err := other()
		if err != nil {
			return c, err
		}
		if n >= warmUp {
			c.add(bare, measured)
		}
	}
	fmt.Fprintln(b.progress)
	return c, nil
}

// pace calls send at the rate, one after the other.
func (b hopBench) pace(ctx context.Context, send func() error) error {
	tick := time.NewTicker(time.Second / time.Duration(b.Rate))
	defer tick.Stop()
	for range b.Messages {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if err := send(); err != nil {
			return err
		}
	}
	return nil
}

func (b hopBench) bareRound(ctx context.Context) ([]time.Duration, error) {
	if err := b.pace(ctx, func() error { return b.bare.Send(ctx, b.Size) }); err != nil {
		return nil, err
	}
	return gather(ctx, b.bare.Took(), b.Messages)
}

// gather takes as many from a channel.
func gather(ctx context.Context, from <-chan time.Duration, n int) (took []time.Duration, err error) {
	late := time.NewTimer(lateMost)
	defer late.Stop()
	for len(took) < n {
		select {
		case d := <-from:
			took = append(took, d)
		case <-late.C:
			return nil, fmt.Errorf("%w: %d of %d within %v", errLost, n-len(took), n, lateMost)
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	return took, nil
}

// message is what is posted, and what of it comes back.
type message struct {
	Sent int64 // nanoseconds since the bench began
	Pad  string
}

// messages measures from the start of a request to one node until a client of the other has the message.
func (b hopBench) messages(ctx context.Context) (comparison, error) {
	began := time.Now()
	client, err := dial(b.to.addr, "unionId="+user)
	if err != nil {
		return comparison{}, err
	}
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	took := make(chan time.Duration, b.Messages)
	var watching sync.WaitGroup
	defer watching.Wait()
	defer client.close()
	watching.Go(func() {
		client.watch(fail, func(e event) {
			var m struct{ Data message }
			if e.Event == "message" && json.Unmarshal(e.Data, &m) == nil {
				took <- e.at.Sub(began) - time.Duration(m.Data.Sent)
			}
		})
	})
	sender, err := newPoster(b.from.addr)
	if err != nil {
		return comparison{}, err
	}
	defer sender.close()
	pad := strings.Repeat("x", b.Size)
	return b.alternate(ctx, "message", func() ([]time.Duration, error) {
		err := b.pace(ctx, func() error {
			sent := time.Since(began)
			body := fmt.Appendf(nil, `{"to":{"users":[%q]},"data":{"sent":%d,"pad":%q}}`, user, sent, pad)
			return sender.post("/api/messages", body)
		})
		if err != nil {
			return nil, err
		}
		return gather(ctx, took, b.Messages)
	})
}
