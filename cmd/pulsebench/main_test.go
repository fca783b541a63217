//go:build unix

package main

import (
	"bytes"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"
)

// TestCluster runs the comparison in small, with real members and nodes.
func TestCluster(t *testing.T) {
	var out, progress bytes.Buffer
	code := run(t.Context(), []string{"cluster", "--rounds=1", "--messages=20", "--feeds=10", "--members=1"}, &out, &progress)
	if code != 0 {
		t.Fatalf("run = %d\n%s", code, progress.String())
	}
	t.Logf("\n%s", out.String())
	for _, want := range []string{"| hop | p50 | p99 |", "| the bench's own part of the next (20) |", "| bare topic, in turn with the next (20) |", "| message (20) |", "| reading (20) |"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the table has no %q:\n%s", want, out.String())
		}
	}
}

// TestChannel runs the comparison of the ways of frames in small.
func TestChannel(t *testing.T) {
	var out, progress bytes.Buffer
	code := run(t.Context(), []string{"channel", "--rounds=1", "--frames=20", "--burst=50"}, &out, &progress)
	if code != 0 {
		t.Fatalf("run = %d\n%s", code, progress.String())
	}
	t.Logf("\n%s", out.String())
	for _, want := range []string{"| frames of 200 bytes | p50 |", "| local (20) |", "| link (20) |", "| topic (20) |"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the table has no %q:\n%s", want, out.String())
		}
	}
}

// TestLoad counts what two nodes ask of a real member.
func TestLoad(t *testing.T) {
	var out, progress bytes.Buffer
	code := run(t.Context(), []string{"load", "--nodes=2", "--feeds=5", "--rate=20", "--during=2s", "--settle=1s"}, &out, &progress)
	if code != 0 {
		t.Fatalf("run = %d\n%s", code, progress.String())
	}
	t.Logf("\n%s", out.String())
	for _, want := range []string{"| idle |", "RingbufferReadMany", "MapPutIfAbsent", "RingbufferAdd"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the table has no %q:\n%s", want, out.String())
		}
	}
}

// TestRepeatFails holds that what stopped while it was counted is told.
func TestRepeatFails(t *testing.T) {
	called := make(chan struct{})
	stop := load{loadCommand: loadCommand{Rate: mostRate}}.repeat(t.Context(), func() error {
		close(called) // once: another call would panic
		return errLost
	})
	<-called
	if err := stop(); !errors.Is(err, errLost) {
		t.Errorf("stop() = %v, want %v", err, errLost)
	}
}

func TestUsage(t *testing.T) {
	tests := []struct {
		args []string
		code int
		says string
	}{
		{[]string{"--help"}, 0, "cluster"},
		{[]string{"cluster", "--help"}, 0, "--rounds"},
		{[]string{"cluster", "--rounds=0"}, 1, "want 1 to"},
		{[]string{"cluster", "--members=3"}, 2, "members"},
		{[]string{"nothing"}, 2, "nothing"},
	}
	for _, tt := range tests {
		var out bytes.Buffer
		if code := run(t.Context(), tt.args, &out, &out); code != tt.code || !strings.Contains(out.String(), tt.says) {
			t.Errorf("run(%q) = %d with %q, want %d with %q", tt.args, code, out.String(), tt.code, tt.says)
		}
	}
}

func TestTable(t *testing.T) {
	ms := func(values ...int) (list []time.Duration) {
		for _, v := range values {
			list = append(list, time.Duration(v)*time.Millisecond)
		}
		return list
	}
	nothing := ms(0)
	c := comparison{name: "message"}
	c.add(ms(1, 1, 2), nothing, ms(2, 2, 6))
	c.add(ms(1, 1, 1), nothing, ms(3, 3, 3))
	c.add(ms(1, 1, 1), nothing, ms(2, 2, 2))
	var out bytes.Buffer
	if err := printTable(&out, []comparison{c}); err != nil {
		t.Fatal(err)
	}
	if want := "| message (9) | 2.00 ms | 3.00 ms | 6.00 ms | 2.00 | 3.00 |\n"; !strings.Contains(out.String(), want) {
		t.Errorf("printTable =\n%s; want %s", out.String(), want)
	}
}

func TestCallCounter(t *testing.T) {
	report := func(count string) string {
		return `22-11-2026 08:31:27 1795336287706 OperationsProfiler[
                          com.hazelcast.client.impl.protocol.task.map.MapSetMessageTask[
                                  count=` + count + `
                                  totalTime(us)=9,530
                                  latency-distribution[
                                          512..1023us=4]]
                          com.hazelcast.map.impl.operation.GetOperation[
                                  count=16]]
`
	}
	c := newCallCounter()
	for _, text := range []string{report("1,008"), report("1,018")} {
		if _, err := c.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	got, at := c.now()
	if want := (calls{"MapSet": 1008}); !maps.Equal(got, want) || at.UnixMilli() != 1795336287706 {
		t.Errorf("now() = %v at %v, want %v", got, at, want)
	}
	if total, parts := (calls{"MapSet": 1018, "Ping": 40}).since(got, 2); total != 25 || parts != "Ping 20.0, MapSet 5.0" {
		t.Errorf("since = %v, %q", total, parts)
	}
}
