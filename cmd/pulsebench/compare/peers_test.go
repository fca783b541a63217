//go:build linux

package compare_test

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/cmd/pulsebench/clients"
	"github.com/pulsewall/pulsewall/cmd/pulsebench/compare"
)

// asClients makes this program the process of the clients.
const asClients = "PULSEBENCH_TEST_CLIENTS"

func TestMain(m *testing.M) {
	if os.Getenv(asClients) == "" {
		os.Exit(m.Run())
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := clients.Run(ctx, os.Stdin, os.Stdout); err != nil {
		os.Exit(1)
	}
}

// TestPeersMissing: what a peer needs and is not here is told, so that the table can say why it is left out.
func TestPeersMissing(t *testing.T) {
	for _, server := range compare.Peers(t.TempDir()) {
		process, err := server.Start(t.Context(), []int{0})
		if err == nil {
			process.Stop()
		}
		if !errors.Is(err, compare.ErrMissing) || !strings.Contains(err.Error(), server.Name()) {
			t.Errorf("%s: Start without its program = %v, want ErrMissing with its name", server.Name(), err)
		}
		if len(server.Transports()) == 0 {
			t.Errorf("%s has no transport", server.Name())
		}
	}
}

// TestPeers: each peer gives each payload to each client once and in order. It needs what the peers need from elsewhere, and
// so runs with PULSEWALL_LONG only.
func TestPeers(t *testing.T) {
	if os.Getenv("PULSEWALL_LONG") == "" {
		t.Log("without PULSEWALL_LONG no peer is started")
		return
	}
	t.Setenv(asClients, "1")
	for _, server := range compare.Peers("../peers") {
		for _, transport := range server.Transports() {
			t.Run(server.Name()+"/"+string(transport), func(t *testing.T) { deliver(t, server, transport) })
		}
	}
}

func deliver(t *testing.T, server compare.Server, transport compare.Transport) {
	const count, payloads, size = 100, 100, 1024
	process, err := server.Start(t.Context(), []int{0, min(1, runtime.NumCPU()-1)})
	if err != nil {
		t.Fatal(err)
	}
	defer process.Stop()
	driver, err := clients.Start(t.Context(), os.Args[0], nil, []int{runtime.NumCPU() - 1})
	if err != nil {
		t.Fatal(err)
	}
	defer driver.Stop()
	if _, err := driver.Do(clients.Order{Open: &clients.Open{Transport: transport, Stream: process.Streams[transport], Clients: count}}); err != nil {
		t.Fatal(err)
	}
	// A handshake that is answered is not everywhere a client that is known: what comes of the first is not judged.
	first := clients.Publish{URL: process.Publish, Size: size, Count: 10, Every: 50 * time.Millisecond, Patience: time.Second}
	if _, err := driver.Do(clients.Order{Publish: &first}); err != nil {
		t.Fatal(err)
	}
	paced := clients.Publish{URL: process.Publish, Size: size, Count: payloads, Every: 10 * time.Millisecond, Patience: 5 * time.Second}
	full := clients.Publish{URL: process.Publish, Size: size, Count: payloads, For: time.Minute, Window: 16, Patience: 5 * time.Second}
	for _, order := range []clients.Publish{paced, full} {
		got, err := driver.Do(clients.Order{Publish: &order})
		if err != nil {
			t.Fatal(err)
		}
		if got.Published != payloads || got.Deliveries != count*payloads || got.Lost+got.Doubled+got.Disordered != 0 || got.Dropped != 0 {
			t.Errorf("one every %v: %d published, %d delivered, %d lost, %d doubled, %d out of order, %d clients dropped; want %d, %d and nothing else",
				order.Every, got.Published, got.Deliveries, got.Lost, got.Doubled, got.Disordered, got.Dropped, payloads, count*payloads)
		}
		t.Logf("%s %s (%s): p50 %v, p99 %v, %d bytes a delivery", server.Name(), transport, server.Version(), got.P50, got.P99, got.Bytes/max(got.Deliveries, 1))
	}
	use, err := compare.UsageOf(process.PID)
	if err != nil || use.CPU <= 0 || use.RSS <= 0 {
		t.Errorf("usage %+v, %v", use, err)
	}
}
