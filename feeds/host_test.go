package feeds

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shirou/gopsutil/v4/cpu"
	"github.com/shirou/gopsutil/v4/net"
)

func group(records []Record, name string) []Record {
	return filter(records, "group="+name)
}

func TestHostMeasuresThisMachine(t *testing.T) {
	src := NewHost("node-1")
	res, err := src.Poll(t.Context(), Query{})
	if err != nil {
		t.Fatal(err)
	}
	var labels []string
	for _, r := range group(res.Records, "summary") {
		labels = append(labels, r["label"].(string))
		t.Logf("%-8s %v %v · %v", r["label"], r["value"], r["unit"], r["detail"])
	}
	if want := []string{"CPU", "Memory", "Network", "Disk", "Load", "Uptime", "Swap"}; runtime.GOOS == "linux" && !slices.Equal(labels, want) {
		t.Errorf("summary = %v; want %v", labels, want)
	}
	if got := len(group(res.Records, "cpu")); runtime.GOOS == "linux" && got == 0 {
		t.Errorf("%d cores", got)
	}
	seen := make(map[any]bool)
	for _, r := range res.Records {
		if seen[r["id"]] {
			t.Errorf("id %v is there twice", r["id"])
		}
		seen[r["id"]] = true
		if v, ok := r["value"].(float64); ok && v < 0 {
			t.Errorf("%v = %v; want no negative value", r["id"], v)
		}
	}
	sanitize(res.Records)
}

func TestHostRatesAreKnownOrNil(t *testing.T) {
	t0 := time.Now()
	core := func(name string, user, idle float64) cpu.TimesStat {
		return cpu.TimesStat{CPU: name, User: user, Idle: idle}
	}
	a := &counters{at: t0,
		cores: []cpu.TimesStat{core("cpu0", 10, 90), core("cpu1", 10, 90), core("cpu2", 50, 50)},
		nics:  []net.IOCountersStat{{Name: "eth0", BytesRecv: 1000, BytesSent: 1000}, {Name: "eth1", BytesRecv: 1 << 40}},
	}
	b := &counters{at: t0.Add(10 * time.Second),
		cores: []cpu.TimesStat{core("cpu0", 15, 95), core("cpu1", 10, 90), core("cpu2", 1, 100), core("cpu3", 1, 1)},
		nics:  []net.IOCountersStat{{Name: "eth0", BytesRecv: 1000 + 5e6, BytesSent: 1000}, {Name: "eth1", BytesRecv: 10}},
	}
	r := between(a, b)
	if want := []any{50.0, nil, nil, nil}; !slices.Equal(r.cores, want) {
		t.Errorf("cores = %v; want %v (moved, stood still, ran backwards, new)", r.cores, want)
	}
	if n := r.nics[0]; !n.known || n.in != 4 || n.out != 0 {
		t.Errorf("eth0 = %+v; want 4 Mbit/s in, 0 out", n)
	}
	if r.nics[1].known {
		t.Error("eth1 was reset and has a rate")
	}
	if _, _, ok := r.total(); ok {
		t.Error("a total is told though a part of it is not known")
	}
	b.nics = b.nics[:1]
	if in, _, ok := between(a, b).total(); !ok || in != 4 {
		t.Errorf("total in = %v, %t; want 4", in, ok)
	}
}

func TestHostOldCountersAreNotCompared(t *testing.T) {
	now := &counters{at: time.Now()}
	for ago, want := range map[time.Duration]bool{time.Millisecond: false, time.Second: true, time.Hour: false} {
		before := &counters{at: now.at.Add(-ago)}
		if got := before.within(now); got != want {
			t.Errorf("counters of %v ago are used: %t; want %t", ago, got, want)
		}
	}
}

func TestVoltages(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "class/hwmon/hwmon3")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"name": "nct6798\n", "in0_input": "1072\n", "in0_label": "Vcore\n", "in1_input": "12096\n", "in2_input": "broken\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	sys := strings.TrimSuffix(dir, "/class/hwmon/hwmon3")
	got := readVoltages(sys)
	if len(got) != 2 || got[0]["label"] != "nct6798 Vcore" || got[0]["value"] != 1.072 || got[1]["value"] != 12.096 || got[1]["unit"] != "V" {
		t.Errorf("readVoltages = %v", got)
	}
	if got := readVoltages(t.TempDir()); len(got) != 0 {
		t.Errorf("readVoltages of a machine without = %v; want none", got)
	}
}
