//go:build unix

package main

import (
	"fmt"
	"io"
	"slices"
	"time"
)

// comparison is something measured beside a bare topic, round by round.
type comparison struct {
	name           string
	own            spread // the last way alone, inside the bench
	bare, measured spread
	ratio50        []float64 // within each round
	ratio99        []float64
	count          int
}

// spread is what was measured of one thing in all rounds.
type spread struct {
	p50, p99 []time.Duration // of each round
	longest  time.Duration
}

func (s *spread) add(took []time.Duration) (p50, p99 time.Duration) {
	slices.Sort(took)
	p50, p99 = at(took, 0.50), at(took, 0.99)
	s.p50, s.p99 = append(s.p50, p50), append(s.p99, p99)
	s.longest = max(s.longest, took[len(took)-1])
	return p50, p99
}

// add takes one round of each.
func (c *comparison) add(bare, own, measured []time.Duration) {
	c.own.add(own)
	bare50, bare99 := c.bare.add(bare)
	p50, p99 := c.measured.add(measured)
	c.ratio50 = append(c.ratio50, float64(p50)/float64(bare50))
	c.ratio99 = append(c.ratio99, float64(p99)/float64(bare99))
	c.count += len(measured)
}

// at returns the value below which the given part of the sorted values lies.
func at[T any](sorted []T, part float64) T {
	return sorted[min(len(sorted)-1, int(part*float64(len(sorted))))]
}

func median[T int64 | float64 | time.Duration](values []T) T {
	sorted := slices.Sorted(slices.Values(values))
	return at(sorted, 0.5)
}

// printTable prints medians over the rounds as Markdown. Ratios are taken inside a round first.
func printTable(w io.Writer, list []comparison) error {
	rows := "| hop | p50 | p99 | longest | p50 × bare | p99 × bare |\n| --- | --- | --- | --- | --- | --- |\n"
	row := func(name string, s spread, ratios string) {
		rows += fmt.Sprintf("| %s | %s | %s | %s | %s |\n", name, millis(median(s.p50)), millis(median(s.p99)), millis(s.longest), ratios)
	}
	for _, c := range list {
		row(fmt.Sprintf("the bench's own part of the next (%d)", c.count), c.own, " | ")
		row(fmt.Sprintf("bare topic, in turn with the next (%d)", c.count), c.bare, "1 | 1")
		row(fmt.Sprintf("%s (%d)", c.name, c.count), c.measured, fmt.Sprintf("%.2f | %.2f", median(c.ratio50), median(c.ratio99)))
	}
	_, err := fmt.Fprint(w, rows)
	return err
}

func millis(d time.Duration) string { return fmt.Sprintf("%.2f ms", d.Seconds()*1000) }
