package feeds

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shirou/gopsutil/v4/disk"
	psutilhost "github.com/shirou/gopsutil/v4/host"
	"github.com/shirou/gopsutil/v4/load"
	"github.com/shirou/gopsutil/v4/mem"
	"github.com/shirou/gopsutil/v4/sensors"
)

// maxDisks bounds how many mounts are shown.
const maxDisks = 32

// facts are what needs no second look. Parts that could not be read are nil.
type facts struct {
	load         *load.AvgStat
	memory       *mem.VirtualMemoryStat
	swap         *mem.SwapMemoryStat
	disks        []*disk.UsageStat
	uptime       time.Duration
	temperatures []Record
	voltages     []Record
}

func readFacts(ctx context.Context, sys string) (facts, error) {
	var f facts
	var errs [5]error
	f.load, errs[0] = load.AvgWithContext(ctx)
	f.memory, errs[1] = mem.VirtualMemoryWithContext(ctx)
	f.swap, errs[2] = mem.SwapMemoryWithContext(ctx)
	f.disks, errs[3] = readDisks(ctx)
	var seconds uint64
	seconds, errs[4] = psutilhost.UptimeWithContext(ctx)
	f.uptime = time.Duration(seconds) * time.Second
	f.temperatures = readTemperatures(ctx)
	f.voltages = readVoltages(sys)
	return f, errors.Join(errs[:]...)
}

// rootPath is where the system itself lives.
func rootPath() string {
	if runtime.GOOS == "windows" {
		return `C:\`
	}
	return "/"
}

// root is the disk that holds the system, else the first.
func (f facts) root() *disk.UsageStat {
	for _, d := range f.disks {
		if d.Path == rootPath() {
			return d
		}
	}
	if len(f.disks) > 0 {
		return f.disks[0]
	}
	return nil
}

// readDisks returns one mount for each device. The root counts even where its file system has no device, as in a container.
func readDisks(ctx context.Context) ([]*disk.UsageStat, error) {
	mounts, err := disk.PartitionsWithContext(ctx, false)
	slices.SortFunc(mounts, func(a, b disk.PartitionStat) int {
		return cmp.Or(cmp.Compare(len(a.Mountpoint), len(b.Mountpoint)), cmp.Compare(a.Mountpoint, b.Mountpoint))
	})
	paths := []string{rootPath()}
	seen := make(map[string]bool)
	for _, m := range mounts {
		if seen[m.Device] || slices.Contains([]string{"squashfs", "erofs", "iso9660"}, m.Fstype) {
			continue
		}
		if info, err := os.Stat(m.Mountpoint); err != nil || !info.IsDir() {
			continue // a container binds single files
		}
		seen[m.Device] = true
		if m.Mountpoint != rootPath() {
			paths = append(paths, m.Mountpoint)
		}
	}
	var out []*disk.UsageStat
	for _, path := range paths[:min(len(paths), maxDisks)] {
		if ctx.Err() != nil {
			break
		}
		u, usageErr := disk.UsageWithContext(ctx, path)
		if usageErr != nil || u.Total == 0 {
			err = errors.Join(err, usageErr)
			continue
		}
		out = append(out, u)
	}
	return out, err
}

// readTemperatures takes what there is: most machines have some sensors that cannot be read.
func readTemperatures(ctx context.Context) []Record {
	list, _ := sensors.TemperaturesWithContext(ctx)
	var out []Record
	seen := make(map[string]int)
	for _, t := range list {
		if t.Temperature == 0 {
			continue // nothing connected
		}
		name := t.SensorKey
		seen[name]++
		if n := seen[name]; n > 1 {
			name += "_" + strconv.Itoa(n)
		}
		var detail string
		if t.High > 0 {
			detail = fmt.Sprintf("high at %.0f", t.High)
		}
		out = append(out, row("temperature", "temperature-"+name, strings.ReplaceAll(name, "_", " "), round(t.Temperature, 1), "°C").say(detail))
	}
	return out
}

// readVoltages reads the in*_input files (millivolts) of the hardware monitors. Where there are none there are no rows.
func readVoltages(sys string) []Record {
	files, _ := filepath.Glob(filepath.Join(sys, "class/hwmon/hwmon*/in*_input"))
	var out []Record
	for _, file := range files {
		millivolts, err := strconv.ParseFloat(readLine(file), 64)
		if err != nil {
			continue
		}
		input := strings.TrimSuffix(filepath.Base(file), "_input")
		dir := filepath.Dir(file)
		chip := cmp.Or(readLine(filepath.Join(dir, "name")), filepath.Base(dir))
		label := cmp.Or(readLine(filepath.Join(dir, input+"_label")), input)
		id := "voltage-" + filepath.Base(dir) + "-" + input
		out = append(out, row("voltage", id, chip+" "+label, round(millivolts/1000, 3), "V"))
	}
	return out
}

func readLine(file string) string {
	b, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}
