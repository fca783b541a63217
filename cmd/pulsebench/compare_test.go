//go:build linux

package main

import (
	"bytes"
	"context"
	"io"
	"math"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/cmd/pulsebench/compare"
)

// asProgram has the test's program be pulsebench: servers and clients are processes of it.
const asProgram = "PULSEBENCH_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
		stop()
		os.Exit(code)
	}
	if err := os.Setenv(asProgram, "1"); err != nil { // for those that are started
		panic(err)
	}
	os.Exit(m.Run())
}

// TestCompare measures our own servers in small: nobody may lose anything, and every figure must be there.
func TestCompare(t *testing.T) {
	t.Parallel()
	c := compareCommand{field: field{Servers: []string{"pulsewall"}, Peers: "none", ServerCPUs: 1}, Count: 20, Size: 200}.withDefaults()
	a, err := c.arena()
	if err != nil {
		t.Fatal(err)
	}
	a.patience, a.settle, a.fill = 30*time.Second, 0, false
	r := newReport(c, a)
	list, err := c.entrants(t.Context(), a, r.missing, &bytes.Buffer{})
	if err != nil || len(list) != 7 {
		t.Fatalf("entrants = %v, %v; want 7", list, err)
	}
	f := fanout{Clients: c.Count, Size: c.Size, Rate: 50, Paced: 200 * time.Millisecond, Saturated: 200 * time.Millisecond, Window: 8}
	for _, e := range list {
		t.Run(e.String(), func(t *testing.T) {
			t.Parallel()
			got, err := f.run(t.Context(), a, e)
			if err != nil {
				t.Fatal(err)
			}
			if got.lost != 0 || got.doubled != 0 || got.disordered != 0 || got.dropped != 0 {
				t.Errorf("%d lost, %d twice, %d out of order, %d clients dropped", got.lost, got.doubled, got.disordered, got.dropped)
			}
			newest := strings.Contains(e.server.Name(), "readings")
			if got.paced.published != 10 || !newest && got.paced.deliveries != 10*int64(f.Clients) {
				t.Errorf("%d payloads came %d times; want 10, %d times", got.paced.published, got.paced.deliveries, 10*f.Clients)
			}
			for what, p := range map[string]measured{"paced": got.paced, "saturated": got.saturated} {
				if p.cpu <= 0 || p.rate <= 0 || p.p50 <= 0 || p.p99 < p.p50 || p.max < p.p99 || p.bytes < float64(f.Size) || p.server <= 0 || p.clients <= 0 {
					t.Errorf("%s: a figure is missing: %+v", what, p)
				}
			}
			if got.connects <= 0 {
				t.Errorf("connects = %v", got.connects)
			}
		})
	}
}

// TestStuck has clients of both transports stop reading; the others go on.
func TestStuck(t *testing.T) {
	t.Parallel()
	c := field{Servers: []string{"pulsewall-readings"}, Peers: "none", ServerCPUs: 1}
	a, err := c.arena()
	if err != nil {
		t.Fatal(err)
	}
	a.patience, a.settle, a.fill = 30*time.Second, 0, false
	r := newReport(compareCommand{field: c}, a)
	list, err := c.entrants(t.Context(), a, r.missing, &bytes.Buffer{})
	if err != nil {
		t.Fatal(err)
	}
	s := stuck{Clients: 10, Stuck: 2, Size: 4096, Pushes: 50, Window: 8}
	if err := runStuck(t.Context(), s, a, list, r, time.Now().Add(time.Hour), &bytes.Buffer{}); err != nil {
		t.Fatal(err)
	}
	if len(r.rows) != 2 {
		t.Fatalf("%d rows; want 2", len(r.rows))
	}
	for _, x := range r.rows {
		if x.stuck == nil || x.stuck.held || x.stuck.lost != 0 || x.stuck.before <= 0 || x.stuck.after <= 0 {
			t.Errorf("%s: %+v, failed %v", x, x.stuck, x.failed)
		}
	}
}

// TestCrowd prints what a crowd is told by.
func TestCrowd(t *testing.T) {
	t.Parallel()
	var out, progress bytes.Buffer
	args := []string{"crowd", "--peers=none", "--transports=websocket", "--servers=pulsewall-readings", "--sizes=5,10", "--ticks=2", "--every=10ms"}
	if code := run(t.Context(), args, &out, &progress); code != 0 {
		t.Fatalf("run = %d\n%s", code, progress.String())
	}
	for _, want := range []string{"| pulsewall-readings | WebSocket | 10 |", "for each 1,000 clients"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("there is no %q in\n%s", want, out.String())
		}
	}
}

func TestReport(t *testing.T) {
	server := func(name string) entrant { return entrant{named(name), compare.WebSocket} }
	figure := func(cpu float64) figures {
		return figures{paced: measured{cpu: cpu, p99: time.Duration(cpu) * time.Millisecond}, connects: 10}
	}
	r := newReport(compareCommand{}, arena{})
	for n, cpu := range []float64{2, 4, 3} {
		r.add(n, server("raw"), figure(cpu), nil)
		r.add(n, server("pulsewall"), figure(2*cpu), nil)
		r.add(n, server("other"), figure(3*cpu), nil)
	}
	r.add(0, server("broken"), figures{}, context.Canceled)
	r.addStuck(server("other"), stuckFigures{memory: 3 << 20, before: time.Second, after: 2 * time.Second, dropped: 5}, nil)
	r.missing("absent", compare.ErrMissing)
	out := r.text()
	for _, want := range []string{
		"| raw | WebSocket | 1.00 (1.00–1.00) |",
		"| pulsewall | WebSocket | 2.00 (2.00–2.00) |",
		"| dropped, +3.0 | 2.00 | 0, 0, 0 |",
		"| pulsewall | WebSocket | CPU s a million, paced | 6.00 | 9.00 | other | 0.67 | ahead |",
		"- other: version of other",
		"- failed: broken, WebSocket, repetition 1: context canceled",
		"- left out: absent: not here",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("there is no %q in\n%s", want, out)
		}
	}
}

// TestInto has a document get a table a second time: what stands around it stays.
func TestInto(t *testing.T) {
	file := filepath.Join(t.TempDir(), "performance.md")
	if err := os.WriteFile(file, []byte("before\n<!-- begin crowd -->\nold\n<!-- end crowd -->\nafter\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := field{Into: file}
	for _, text := range []string{"\none\n", "two\n"} {
		if err := f.tell(io.Discard, "crowd", text); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if want := "before\n<!-- begin crowd -->\n\ntwo\n\n<!-- end crowd -->\nafter\n"; err != nil || string(got) != want {
		t.Errorf("the document is %q, %v; want %q", got, err, want)
	}
	if err := f.tell(io.Discard, "stuck", "text"); err == nil {
		t.Error("a document without a place got a table")
	}
}

// named is a server of which only the name matters.
type named string

func (n named) Name() string                    { return string(n) }
func (n named) Version() string                 { return "version of " + string(n) }
func (n named) Transports() []compare.Transport { return []compare.Transport{compare.WebSocket} }
func (n named) Start(context.Context, []int) (*compare.Process, error) {
	return nil, compare.ErrMissing
}

func TestLine(t *testing.T) {
	points := []point{{clients: 1000, all: 12 * time.Millisecond}, {clients: 2000, all: 22 * time.Millisecond}, {clients: 4000, all: 42 * time.Millisecond}}
	slope, base, fit := line(points)
	if math.Abs(slope-0.01) > 1e-9 || math.Abs(base-2) > 1e-6 || math.Abs(fit-1) > 1e-9 {
		t.Errorf("line = %v, %v, %v; want 0.01, 2, 1", slope, base, fit)
	}
}
