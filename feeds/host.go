package feeds

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"
)

// host measures the machine that it runs on.
type host struct {
	node string
	sys  string // where the kernel shows its devices; another place in tests

	mu   sync.Mutex
	last *counters // of the poll before; guarded by mu
}

// NewHost returns a source that measures this machine, known as node: processors, load, memory, swap, disks, network,
// and temperatures and voltages where it has them. What cannot be read has no record; the poll fails only when
// nothing can. Rates are averages since the poll before, of a short window when that is missing or long ago.
func NewHost(node string) Source { return &host{node: node, sys: "/sys"} }

func (h *host) Describe() Description {
	d := Description{
		Title: "Host",
		Fields: []Field{
			{Name: "id", Label: "Id", Type: "string"},
			{Name: "group", Label: "Group", Type: "string"},
			{Name: "label", Label: "Measure", Type: "string"},
			{Name: "value", Label: "Value", Type: "number"},
			{Name: "unit", Label: "Unit", Type: "string"},
			{Name: "detail", Label: "Detail", Type: "string"},
			{Name: "percent", Label: "Share", Unit: "%", Type: "percent"},
		},
		ID: "id", Label: "label", Values: []string{"value"}, Unit: "unit",
		Filters: []string{"group"}, Whole: true, PerNode: true,
	}
	if h.node != "" {
		d.Origin = "node " + h.node
	}
	return d
}

func (h *host) Poll(ctx context.Context, _ Query) (Result, error) {
	r, ratesErr := h.rates(ctx)
	f, factsErr := readFacts(ctx, h.sys)
	var records []Record
	for _, part := range [][]Record{
		summary(r, f), coreRows(r), loadRows(f), memoryRows(f), swapRows(f), diskRows(f), networkRows(r), interfaceRows(r), f.temperatures, f.voltages,
	} {
		records = append(records, part...)
	}
	if len(records) == 0 {
		return Result{}, fmt.Errorf("measure the machine: %w", errors.Join(ratesErr, factsErr))
	}
	return Result{Records: records}, nil
}

// row makes a record. A value that could not be measured is nil.
func row(group, id, label string, value any, unit string) Record {
	return Record{"id": id, "group": group, "label": label, "value": value, "unit": unit, "detail": ""}
}

// say adds what a tile shows below the value.
func (r Record) say(detail string) Record {
	r["detail"] = detail
	return r
}

// share adds the part of the whole that a value is.
func (r Record) share(percent any) Record {
	r["percent"] = percent
	return r
}

// summary is what a tile each shows, in this order.
func summary(r rates, f facts) []Record {
	const group = "summary"
	var out []Record
	if len(r.cores) > 0 {
		detail := plural(len(r.cores), "core", "cores")
		if f.load != nil {
			detail += fmt.Sprintf(" · load %.2f", f.load.Load1)
		}
		out = append(out, row(group, "cpu", "CPU", r.cpu, "%").say(detail).share(r.cpu))
	}
	if m := f.memory; m != nil {
		used := m.Total - min(m.Total, m.Available)
		out = append(out, row(group, "memory", "Memory", gib(used), "GiB").say(ofTotal(used, m.Total)).share(percentOf(used, m.Total)))
	}
	if len(r.nics) > 0 {
		var sum any
		detail := "measuring"
		if in, out, ok := r.total(); ok {
			sum, detail = round(in+out, 3), fmt.Sprintf("in %.1f · out %.1f", in, out)
		}
		out = append(out, row(group, "network", "Network", sum, "Mbit/s").say(detail))
	}
	if d := f.root(); d != nil {
		out = append(out, row(group, "disk", "Disk", round(d.UsedPercent, 1), "%").say(size(d.Free)+" free").share(round(d.UsedPercent, 1)))
	}
	if f.load != nil {
		out = append(out, row(group, "load", "Load", round(f.load.Load1, 2), "").say(fmt.Sprintf("5 min %.2f · 15 min %.2f", f.load.Load5, f.load.Load15)))
	}
	if f.uptime > 0 {
		since := time.Now().Add(-f.uptime).UTC().Format("2006-01-02 15:04 UTC")
		out = append(out, row(group, "uptime", "Uptime", round(f.uptime.Hours(), 1), "h").say("since "+since))
	}
	if s := f.swap; s != nil {
		if s.Total == 0 {
			return append(out, row(group, "swap", "Swap", 0.0, "GiB").say("no swap"))
		}
		out = append(out, row(group, "swap", "Swap", gib(s.Used), "GiB").say(ofTotal(s.Used, s.Total)).share(percentOf(s.Used, s.Total)))
	}
	return out
}

func coreRows(r rates) []Record {
	var out []Record
	for i, busy := range r.cores {
		n := strconv.Itoa(i)
		out = append(out, row("cpu", "cpu-"+n, "core "+n, busy, "%").share(busy))
	}
	return out
}

func networkRows(r rates) []Record {
	if len(r.nics) == 0 {
		return nil
	}
	var vin, vout any
	if in, out, ok := r.total(); ok {
		vin, vout = round(in, 3), round(out, 3)
	}
	return []Record{
		row("network", "network-in", "in", vin, "Mbit/s"),
		row("network", "network-out", "out", vout, "Mbit/s"),
	}
}

func interfaceRows(r rates) []Record {
	const group = "network-interface"
	var out []Record
	for _, n := range r.nics {
		var vin, vout any
		if n.known {
			vin, vout = round(n.in, 3), round(n.out, 3)
		}
		out = append(out,
			row(group, "network-"+n.name+"-in", n.name+" in", vin, "Mbit/s"),
			row(group, "network-"+n.name+"-out", n.name+" out", vout, "Mbit/s"))
	}
	return out
}

func loadRows(f facts) []Record {
	if f.load == nil {
		return nil
	}
	return []Record{
		row("load", "load-1", "1 min", round(f.load.Load1, 2), ""),
		row("load", "load-5", "5 min", round(f.load.Load5, 2), ""),
		row("load", "load-15", "15 min", round(f.load.Load15, 2), ""),
	}
}

func memoryRows(f facts) []Record {
	m := f.memory
	if m == nil {
		return nil
	}
	part := func(id, label string, n uint64) Record {
		return row("memory", "memory-"+id, label, gib(n), "GiB").share(percentOf(n, m.Total))
	}
	return []Record{
		part("used", "used", m.Total-min(m.Total, m.Available)),
		part("available", "available", m.Available),
		part("cached", "cached", m.Cached),
		part("free", "free", m.Free),
	}
}

func swapRows(f facts) []Record {
	s := f.swap
	if s == nil || s.Total == 0 {
		return nil
	}
	return []Record{
		row("swap", "swap-used", "used", gib(s.Used), "GiB").say(ofTotal(s.Used, s.Total)).share(percentOf(s.Used, s.Total)),
		row("swap", "swap-free", "free", gib(s.Free), "GiB").share(percentOf(s.Free, s.Total)),
	}
}

func diskRows(f facts) []Record {
	var out []Record
	for _, d := range f.disks {
		used := round(d.UsedPercent, 1)
		out = append(out, row("disk", "disk-"+d.Path, d.Path, used, "%").say(size(d.Free)+" free of "+size(d.Total)).share(used))
	}
	return out
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

// size writes bytes in the largest unit that leaves a number of at least 1, GiB at most.
func size(n uint64) string {
	switch g := float64(n) / (1 << 30); {
	case g >= 10:
		return fmt.Sprintf("%.0f GiB", g)
	case g >= 1:
		return fmt.Sprintf("%.1f GiB", g)
	}
	return fmt.Sprintf("%.0f MiB", float64(n)/(1<<20))
}

func ofTotal(used, total uint64) string {
	return fmt.Sprintf("of %.1f GiB · %.0f %%", float64(total)/(1<<30), percentOf(used, total))
}

func gib(n uint64) float64 { return round(float64(n)/(1<<30), 2) }

func percentOf(part, total uint64) float64 {
	if total == 0 {
		return 0
	}
	return round(100*float64(part)/float64(total), 1)
}
