//go:build unix

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/pulsewall/pulsewall/cluster/barehop"
)

const (
	// warmUp is how many rounds are not counted: the members' code is compiled while they run.
	warmUp = 2
	// lateMost is how long something that was sent may be under way.
	lateMost = 30 * time.Second
	// user is whom the messages are for.
	user = "7"
)

// errLost reports something that was sent and did not come.
var errLost = errors.New("it did not come")

// hopBench measures hops from one node to a client of another.
type hopBench struct {
	clusterCommand
	bare     *barehop.Hop
	own      *loopback
	from, to *node
	progress io.Writer
}

// run measures messages, then readings, each beside the bare topic, and prints both.
func (b hopBench) run(ctx context.Context, stdout io.Writer) (err error) {
	if b.own, err = newLoopback(b.Messages); err != nil {
		return err
	}
	defer b.own.close()
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

// beside is what is sent in a round besides what is measured: as often, as large, and in turn with it.
type beside struct {
	rate  int // a second, of each
	count int
	size  func() int // bytes
}

// rounds measures the bare topic, the bench's own part, and what gather returns. In each round send, if there is one, is called
// in turn with the other two.
func (b hopBench) rounds(
	ctx context.Context, name string, by beside, send func() error, gathered func() ([]time.Duration, error),
) (comparison, error) {
	c := comparison{name: name}
	sends := []func() error{
		func() error { return b.bare.Send(ctx, by.size()) },
		func() error { return b.own.send(by.size()) },
	}
	if send != nil {
		sends = append(sends, send)
	}
	for n := range warmUp + b.Rounds {
		fmt.Fprintf(b.progress, "\r%s: round %d of %d ", name, n+1, warmUp+b.Rounds)
		if err := inTurn(ctx, by, sends); err != nil {
			return c, err
		}
		measured, err := gathered()
		if err != nil {
			return c, err
		}
		bare, err := gather(ctx, b.bare.Took(), by.count)
		if err != nil {
			return c, fmt.Errorf("bare topic: %w", err)
		}
		own, err := gather(ctx, b.own.took, by.count)
		if err != nil {
			return c, fmt.Errorf("loopback: %w", err)
		}
		if n >= warmUp {
			c.add(bare, own, measured)
		}
	}
	fmt.Fprintln(b.progress)
	return c, nil
}

// inTurn calls each of the functions so often, one after the other, with gaps of random length: a fixed one could always or never
// meet what goes on in the same rhythm.
func inTurn(ctx context.Context, by beside, sends []func() error) error {
	gap := time.Second / time.Duration(by.rate*len(sends))
	next := time.Now()
	for i := range by.count * len(sends) {
		next = next.Add(gap/2 + rand.N(gap)) // #nosec G404 -- nobody gains by guessing it
		if err := sleep(ctx, time.Until(next)); err != nil {
			return err
		}
		if err := sends[i%len(sends)](); err != nil {
			return err
		}
	}
	return nil
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
	return b.rounds(ctx, "message", beside{rate: b.Rate, count: b.Messages, size: func() int { return b.Size }}, func() error {
		sent := time.Since(began)
		body := fmt.Appendf(nil, `{"to":{"users":[%q]},"data":{"sent":%d,"pad":%q}}`, user, sent, pad)
		return sender.post("/api/messages", body)
	}, func() ([]time.Duration, error) { return gather(ctx, took, b.Messages) })
}
