//go:build linux

package main

import (
	"fmt"
	"strings"

	"github.com/pulsewall/pulsewall/cmd/pulsebench/compare"
	"github.com/pulsewall/pulsewall/cmd/pulsebench/ours"
)

// aim is a column in which pulsewall is to be ahead.
type aim struct {
	what string
	form string
	of   func(figures) float64
	more bool // is better
	all  bool // it says something only of who delivers every payload
}

var aims = []aim{
	{"CPU s a million, paced", "%.2f", cpuOf, false, false},
	{"p99 ms, paced", "%.2f", p99Of, false, false},
	{"deliveries/s, saturated", "%.0f", rateOf, true, true},
	{"KiB a connection, idle", "%.1f", idleOf, false, false},
	{"KiB a connection, after load", "%.1f", afterOf, false, false},
	{"connects/s", "%.0f", connectsOf, true, false},
}

// best is pulsewall beside the best peer of its transport, column by column.
func (r *report) best() string {
	var out strings.Builder
	for _, t := range []compare.Transport{compare.WebSocket, compare.SSE} {
		for _, x := range r.rows {
			if x.transport != t || !isOurs(x) {
				continue
			}
			for _, a := range aims {
				r.stand(&out, x, a)
			}
		}
	}
	if out.Len() == 0 {
		return ""
	}
	return "\n| server | transport | what | it | best peer | which | × best peer | |\n" + strings.Repeat("| --- ", 8) + "|\n" + out.String()
}

func isOurs(x *row) bool { return strings.HasPrefix(x.server.Name(), "pulsewall") }

// stand writes where x stands in one column: beside the peer that it does worst beside.
func (r *report) stand(out *strings.Builder, x *row, a aim) {
	if a.all && x.server.Name() == ours.Readings {
		return
	}
	var peer *row
	var ratio float64 // in the middle of the repetitions
	for _, p := range r.rows {
		if p.transport != x.transport || isOurs(p) || p.server.Name() == ours.Raw || p.failing() {
			continue
		}
		list := x.beside(p, a.of)
		if len(list) == 0 {
			continue
		}
		if m := median(list); peer == nil || m < ratio == a.more {
			peer, ratio = p, m
		}
	}
	if peer == nil {
		return
	}
	fmt.Fprintf(out, "| %s | %s | %s | "+a.form+" | "+a.form+" | %s | %.2f | %s |\n",
		x.marked(), x.transport, a.what, median(x.each(a.of)), median(peer.each(a.of)), peer.server.Name(), ratio, a.verdict(ratio))
}

// verdict says what a ratio to a peer means.
func (a aim) verdict(ratio float64) string {
	switch {
	case ratio > 1-noise && ratio < 1+noise:
		return "level"
	case ratio > 1 == a.more:
		return "ahead"
	}
	return "behind"
}

// noise is how far a ratio may lie from 1 without a meaning.
const noise = 0.15
