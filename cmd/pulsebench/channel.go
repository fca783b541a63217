//go:build unix

package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pulsewall/pulsewall/cluster/member"
	"github.com/pulsewall/pulsewall/transport/wsconn"
)

// channelCommand measures frames of channels from a client of one node to a client of another: by link, by topic, and inside a node, in
// rounds that alternate.
type channelCommand struct {
	Rounds int    `help:"Rounds of each way." default:"10"`
	Frames int    `help:"Frames of each round that are sent one at a time, at the rate." default:"300"`
	Rate   int    `help:"How many of them are sent a second." default:"200"`
	Burst  int    `help:"Frames of each round that are sent as fast as they go." default:"10000"`
	Size   int    `help:"Bytes of each frame." default:"200"`
	Binary string `help:"The pulsewall to measure; none: one built from the source." placeholder:"FILE"`
}

const (
	largestFrame = 10 << 10
	benchSecret  = "pulsebench measures links"
	benchChannel = "pulsebench_channel_%013d"
)

func (c channelCommand) check() error {
	return within(
		bound{"rounds", c.Rounds, 1, mostRounds}, bound{"frames", c.Frames, 10, mostMessages}, bound{"rate", c.Rate, 1, 10_000},
		bound{"burst", c.Burst, 10, 1_000_000}, bound{"size", c.Size, 8, largestFrame},
	)
}

// Run starts a member and three nodes, of which two have links to each other, measures, and prints the table.
func (c channelCommand) Run(ctx context.Context, stdout, stderr io.Writer) (err error) {
	if err := c.check(); err != nil {
		return err
	}
	fmt.Fprintln(stderr, "starting a member and 3 nodes")
	w, err := openWorkshop(ctx, c.Binary)
	if err != nil {
		return err
	}
	defer w.close(&err)
	m, err := member.Start(ctx, member.Options{Cluster: clusterName})
	if err != nil {
		return err
	}
	defer m.Close()
	common := []string{"--log-level", "warn", "--cluster", "hazelcast://" + m.Addr() + "/" + clusterName}
	nodes, stop, err := startNodes(ctx, 2, w.binary, append(common, "--node-secret", benchSecret, "--node-address", "http://"+ownAddress)...)
	if err != nil {
		return err
	}
	defer stop()
	third, err := startNode(w.binary, append(common, "--node", "node-3")...)
	if err != nil {
		return err
	}
	defer third.stop()
	if err := third.joined(ctx, 3); err != nil {
		return err
	}
	return c.measure(ctx, []*relayed{
		{way: "local", from: nodes[0], to: nodes[0]},
		{way: "link", from: nodes[0], to: nodes[1]},
		{way: "topic", from: nodes[0], to: third},
	}, stdout, stderr)
}

// relayed is what is measured of one way.
type relayed struct {
	way      string
	from, to *node
	spread   spread
	rates    []float64 // frames a second of each burst
	count    int

	app, web *wsconn.Conn
	came     chan time.Duration
}

func (c channelCommand) measure(ctx context.Context, ways []*relayed, stdout, stderr io.Writer) error {
	began := time.Now()
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	var reading sync.WaitGroup
	defer reading.Wait()
	for i, w := range ways {
		if err := w.connect(ctx, fmt.Sprintf(benchChannel, i)); err != nil {
			return err
		}
		defer w.web.CloseNow()
		defer w.app.CloseNow()
		w.came = make(chan time.Duration, c.Burst+c.Frames)
		reading.Go(func() { fail(w.read(began)) })
		for _, conn := range []*wsconn.Conn{w.app, w.web} {
			reading.Go(func() { _ = conn.Tend(ctx, time.Minute, time.Hour) }) // answers pings
		}
		reading.Go(func() { _, _ = w.app.Read() }) // likewise; nothing comes back
	}
	for n := range warmUp + c.Rounds {
		fmt.Fprintf(stderr, "\rround %d of %d ", n+1, warmUp+c.Rounds)
		for _, w := range ways {
			if err := c.round(ctx, w, began, n >= warmUp); err != nil {
				return fmt.Errorf("by %s: %w", w.way, err)
			}
		}
	}
	fmt.Fprintln(stderr)
	for _, w := range ways {
		if err := w.check(ctx); err != nil {
			return err
		}
	}
	return printRelayed(stdout, ways, c.Size)
}

// connect opens both ends.
func (w *relayed) connect(ctx context.Context, channel string) (err error) {
	open := func(n *node, end string) (*wsconn.Conn, error) {
		conn, _, err := wsconn.Dial(ctx, "http://"+n.addr+"/channel?type="+end+"&channelId="+channel, wsconn.DialOptions{
			Options: wsconn.Options{ReadLimit: largestFrame, WriteTimeout: answerWithin, Binary: true},
		})
		return conn, err
	}
	if w.app, err = open(w.from, "app"); err != nil {
		return err
	}
	if w.web, err = open(w.to, "web"); err != nil {
		w.app.CloseNow()
	}
	return err
}

// read notes how long each frame took, which holds when it was sent.
func (w *relayed) read(began time.Time) error {
	for {
		p, err := w.web.Read()
		if err != nil {
			return fmt.Errorf("the end by %s: %w", w.way, err)
		}
		w.came <- time.Since(began) - time.Duration(binary.BigEndian.Uint64(p))
	}
}

// round sends frames one at a time, then a burst.
func (c channelCommand) round(ctx context.Context, w *relayed, began time.Time, counts bool) error {
	send := func() error {
		p := make([]byte, c.Size)
		binary.BigEndian.PutUint64(p, uint64(time.Since(began)))
		return w.app.Send(p)
	}
	tick := time.NewTicker(time.Second / time.Duration(c.Rate))
	defer tick.Stop()
	for range c.Frames {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if err := send(); err != nil {
			return err
		}
	}
	took, err := gather(ctx, w.came, c.Frames)
	if err != nil {
		return err
	}
	begun := time.Now()
	for range c.Burst {
		if err := send(); err != nil {
			return err
		}
	}
	if _, err := gather(ctx, w.came, c.Burst); err != nil {
		return err
	}
	if counts {
		w.rates = append(w.rates, float64(c.Burst)/time.Since(begun).Seconds())
		w.spread.add(took)
		w.count += len(took)
	}
	return nil
}

// check says whether the frames took the way that they were to take.
func (w *relayed) check(ctx context.Context) error {
	page, err := w.from.text(ctx, "/metrics")
	if err != nil {
		return err
	}
	if strings.Contains(page, fmt.Sprintf("pulsewall_channel_frames_total{way=%q} 0\n", w.way)) {
		return fmt.Errorf("no frame went by %s", w.way)
	}
	return nil
}

func printRelayed(w io.Writer, ways []*relayed, size int) error {
	rows := fmt.Sprintf("| frames of %d bytes | p50 | p99 | longest | frames/s |\n| --- | --- | --- | --- | --- |\n", size)
	for _, r := range ways {
		slices.Sort(r.rates)
		rows += fmt.Sprintf("| %s (%d) | %s | %s | %s | %.0f |\n", r.way, r.count, millis(median(r.spread.p50)), millis(median(r.spread.p99)),
			millis(r.spread.longest), median(r.rates))
	}
	_, err := io.WriteString(w, rows)
	return err
}
