package feeds

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestProcessesFindThisOne(t *testing.T) {
	src := NewProcesses()
	res, err := src.Poll(t.Context(), Query{})
	if err != nil {
		t.Fatal(err)
	}
	last := 1e9
	var self Record
	for _, r := range res.Records {
		cpu, _ := r["cpu"].(float64)
		if cpu > last {
			t.Errorf("%v %% after %v %%; want the busiest first", cpu, last)
		}
		last = cpu
		if r["pid"] == int32(os.Getpid()) {
			self = r
		}
	}
	if self == nil || self["memory"].(uint64) == 0 || self["user"] == "" {
		t.Fatalf("this process is %v", self)
	}
	if got, want := self["command"].(string), filepath.Base(os.Args[0]); len(got) < len(want) || got[:len(want)] != want {
		t.Errorf("command = %q; want it to start with %q", got, want)
	}
	if n := len([]rune(self["command"].(string))); n > maxCommand {
		t.Errorf("command has %d characters; want %d at most", n, maxCommand)
	}
	t.Logf("%d processes; this one: %v", len(res.Records), self)
}

func TestProcessCPUShare(t *testing.T) {
	now := time.Now()
	started := func(ago time.Duration) processID { return processID{1, now.Add(-ago).UnixMilli()} }
	old := started(time.Hour)
	before := map[processID]usage{old: {at: now.Add(-10 * time.Second), seconds: 100}}
	tests := []struct {
		id      processID
		seconds float64
		want    any
	}{
		{old, 105, 50.0},
		{old, 100, 0.0},
		{old, 90, nil},
		{started(4 * time.Second), 2, 50.0},
		{started(0), 0, nil},
	}
	for _, tt := range tests {
		if got := cpuShare(before, tt.id, usage{at: now, seconds: tt.seconds}); got != tt.want {
			t.Errorf("cpuShare(%v, %v s) = %v; want %v", tt.id, tt.seconds, got, tt.want)
		}
	}
}
