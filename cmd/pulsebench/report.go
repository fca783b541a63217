//go:build linux

package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pulsewall/pulsewall/cmd/pulsebench/compare"
	"github.com/pulsewall/pulsewall/cmd/pulsebench/ours"
)

// report gathers what a comparison measures, and tells it as Markdown.
type report struct {
	command compareCommand
	setting setting
	rows    []*row
	absent  []string
}

// row is one entrant.
type row struct {
	entrant
	version string
	figures map[int]figures // by repetition
	stuck   *stuckFigures
	failed  []string
}

func newReport(c compareCommand, a arena) *report {
	return &report{command: c, setting: newSetting(a)}
}

// missing notes a server that cannot be measured here.
func (r *report) missing(name string, err error) {
	r.absent = append(r.absent, fmt.Sprintf("%s: %v", name, err))
}

func (r *report) row(e entrant) *row {
	for _, known := range r.rows {
		if known.String() == e.String() {
			return known
		}
	}
	added := &row{entrant: e, figures: make(map[int]figures)}
	r.rows = append(r.rows, added)
	return added
}

func (r *report) add(repetition int, e entrant, f figures, err error) {
	row := r.row(e)
	if err != nil {
		row.failed = append(row.failed, fmt.Sprintf("repetition %d: %v", repetition+1, err))
		return
	}
	row.version = e.server.Version()
	row.figures[repetition] = f
}

func (r *report) addStuck(e entrant, f stuckFigures, err error) {
	row := r.row(e)
	if err != nil {
		row.failed = append(row.failed, fmt.Sprintf("stuck clients: %v", err))
		return
	}
	row.stuck = &f
}

// each returns what of gives of each repetition of a row.
func (r *row) each(of func(figures) float64) (list []float64) {
	for _, f := range r.figures {
		list = append(list, of(f))
	}
	return list
}

// beside returns what of gives of x, as a multiple of what it gives of another row in the same repetition.
func (x *row) beside(other *row, of func(figures) float64) (list []float64) {
	for n, f := range x.figures {
		if base, ok := other.figures[n]; ok && of(base) > 0 {
			list = append(list, of(f)/of(base))
		}
	}
	return list
}

// ratios returns what of gives, as a multiple of the plain loop's on the same transport.
func (r *report) ratios(x *row, of func(figures) float64) []float64 {
	for _, raw := range r.rows {
		if raw.server.Name() != ours.Raw || raw.transport != x.transport {
			continue
		}
		return x.beside(raw, of)
	}
	return nil
}

// What a row tells of one repetition.
func cpuOf(f figures) float64       { return f.paced.cpu }
func p99Of(f figures) float64       { return f.paced.p99.Seconds() * 1000 }
func rateOf(f figures) float64      { return f.saturated.rate }
func burstCPUOf(f figures) float64  { return f.saturated.cpu }
func idleOf(f figures) float64      { return f.idle }
func afterOf(f figures) float64     { return f.after }
func garbageOf(f figures) float64   { return f.garbage }
func connectsOf(f figures) float64  { return f.connects }
func p50Of(f figures) float64       { return f.paced.p50.Seconds() * 1000 }
func maxOf(f figures) float64       { return f.paced.max.Seconds() * 1000 }
func bytesOf(f figures) float64     { return f.paced.bytes }
func burst99Of(f figures) float64   { return f.saturated.p99.Seconds() * 1000 }
func currentOf(f figures) float64   { return f.saturated.current }
func pacedSpared(f figures) float64 { return f.paced.spared * 100 }
func sparedOf(f figures) float64    { return f.saturated.spared * 100 }
func serverOf(f figures) float64    { return f.paced.server * 100 }
func clientsOf(f figures) float64   { return f.paced.clients * 100 }
func burstBusy(f figures) float64   { return f.saturated.server * 100 }
func burstDriver(f figures) float64 { return f.saturated.clients * 100 }

// text is all of it.
func (r *report) text() string {
	slices.SortStableFunc(r.rows, func(a, b *row) int { return strings.Compare(order(a.transport), order(b.transport)) })
	return r.setting.text(r.command) + r.comparison() + r.absolute() + r.best() + r.footnotes()
}

// order puts WebSocket first and long polls last.
func order(t compare.Transport) string {
	return map[compare.Transport]string{compare.WebSocket: "1", compare.SSE: "2", compare.LongPoll: "3"}[t]
}

// comparison is the table that matters.
func (r *report) comparison() string {
	out := "\n| server | transport | CPU a delivery × raw | p99 × raw | saturated deliveries/s × raw | KiB a connection, idle | after load | connects/s |" +
		" stuck: + MiB | others' p99 × | lost, twice, out of order |\n" + strings.Repeat("| --- ", 11) + "|\n"
	for _, x := range r.rows {
		out += fmt.Sprintf("| %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", x.marked(), x.transport,
			spreadOf(r.ratios(x, cpuOf), "%.2f"), spreadOf(r.ratios(x, p99Of), "%.2f"), spreadOf(r.ratios(x, rateOf), "%.2f"),
			middle(x.each(idleOf), "%.1f"), middle(x.each(afterOf), "%.1f"), middle(x.each(connectsOf), "%.0f"), x.stuckText(), x.faults())
	}
	return out
}

// absolute is what the ratios were made of.
func (r *report) absolute() string {
	out := "\n| server | transport | paced: CPU s a million | p50 ms | p99 ms | max ms | bytes | spared % | server busy % | clients busy % |" +
		" saturated: deliveries/s | payloads/s until all are current | CPU s a million | p99 ms | spared % | server busy % | clients busy % | KiB idle, with garbage |\n" +
		strings.Repeat("| --- ", 18) + "|\n"
	columns := []struct {
		of   func(figures) float64
		form string
	}{
		{cpuOf, "%.2f"}, {p50Of, "%.2f"}, {p99Of, "%.2f"}, {maxOf, "%.2f"}, {bytesOf, "%.0f"}, {pacedSpared, "%.0f"}, {serverOf, "%.0f"}, {clientsOf, "%.0f"},
		{rateOf, "%.0f"}, {currentOf, "%.0f"}, {burstCPUOf, "%.2f"}, {burst99Of, "%.2f"}, {sparedOf, "%.0f"}, {burstBusy, "%.0f"}, {burstDriver, "%.0f"},
		{garbageOf, "%.1f"},
	}
	for _, x := range r.rows {
		out += fmt.Sprintf("| %s | %s |", x.server.Name(), x.transport)
		for _, c := range columns {
			out += " " + middle(x.each(c.of), c.form) + " |"
		}
		out += "\n"
	}
	return out
}

// stuckText is two columns.
func (x *row) stuckText() string {
	s := x.stuck
	switch {
	case s == nil:
		return "– | –"
	case s.held:
		return fmt.Sprintf("%+.1f | held up", float64(s.memory)/(1<<20))
	}
	fate := "kept"
	if s.dropped > 0 {
		fate = "dropped"
	}
	return fmt.Sprintf("%s, %+.1f | %.2f", fate, float64(s.memory)/(1<<20), float64(s.after)/float64(max(s.before, time.Microsecond)))
}

// failing says that clients did not get everything, or were let go of.
func (x *row) failing() bool {
	for _, f := range x.figures {
		if f.lost > 0 || f.dropped > 0 {
			return true
		}
	}
	return false
}

// marked is the name, with a mark at who is failing.
func (x *row) marked() string {
	if x.failing() {
		return x.server.Name() + " †"
	}
	return x.server.Name()
}

// faults is what went wrong in all repetitions.
func (x *row) faults() string {
	var lost, doubled, disordered int64
	dropped := 0
	for _, f := range x.figures {
		lost, doubled, disordered, dropped = lost+f.lost, doubled+f.doubled, disordered+f.disordered, dropped+f.dropped
	}
	text := fmt.Sprintf("%d, %d, %d", lost, doubled, disordered)
	if dropped > 0 {
		text += fmt.Sprintf("; %d clients dropped", dropped)
	}
	return text
}

// mostBusy is how much of their processors, in percent, clients may take before it is said.
const mostBusy = 85

// footnotes are versions, who lost something, and who is not there or failed.
func (r *report) footnotes() string {
	out := "\n"
	seen := make(map[string]bool)
	for _, x := range r.rows {
		if x.version != "" && !seen[x.server.Name()] {
			out += fmt.Sprintf("- %s: %s\n", x.server.Name(), x.version)
			seen[x.server.Name()] = true
		}
	}
	if slices.ContainsFunc(r.rows, (*row).failing) {
		out += "- †: it lost payloads or let go of clients, so what it did less counts for nothing; it is nobody's best peer\n"
	}
	for _, x := range r.rows {
		if list := x.each(burstDriver); len(list) > 0 && median(list) > mostBusy {
			out += fmt.Sprintf("- %s, saturated: its clients were busy %.0f %% of their time and may have been the limit\n", x, median(list))
		}
		for _, why := range x.failed {
			out += fmt.Sprintf("- failed: %s, %s\n", x, why)
		}
	}
	for _, why := range r.absent {
		out += "- left out: " + strings.ReplaceAll(why, "\n", " ") + "\n"
	}
	return out
}

// middle is the median of what was measured.
func middle(list []float64, form string) string {
	if len(list) == 0 {
		return "–"
	}
	return fmt.Sprintf(form, median(list))
}

// spreadOf is the median, with the least and the most.
func spreadOf(list []float64, form string) string {
	if len(list) < 2 {
		return middle(list, form)
	}
	return fmt.Sprintf(form+" ("+form+"–"+form+")", median(list), slices.Min(list), slices.Max(list))
}
