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
}

var aims = []aim{
	{"CPU s a million, paced", "%.2f", cpuOf, false},
	{"p99 ms, paced", "%.2f", p99Of, false},
	{"deliveries/s, saturated", "%.0f", rateOf, true},
	{"KiB a connection, idle", "%.1f", idleOf, false},
	{"KiB a connection, after load", "%.1f", afterOf, false},
	{"connects/s", "%.0f", connectsOf, true},
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

// stand writes where x stands in one column.
func (r *report) stand(out *strings.Builder, x *row, a aim) {
	var peer *row
	var bar float64
	for _, p := range r.rows {
		list := p.each(a.of)
		if p.transport != x.transport || isOurs(p) || p.server.Name() == ours.Raw || len(list) == 0 {
			continue
		}
		if m := median(list); peer == nil || m > bar == a.more {
			peer, bar = p, m
		}
	}
	own := x.each(a.of)
	if peer == nil || len(own) == 0 {
		return
	}
	m := median(own)
	word := "behind"
	switch ratio := m / bar; {
	case m == bar, m > bar == a.more:
		word = "ahead"
	case ratio > 1-noise && ratio < 1+noise:
		word = "level"
	}
	fmt.Fprintf(out, "| %s | %s | %s | "+a.form+" | "+a.form+" | %s | %.2f | %s |\n",
		x.server.Name(), x.transport, a.what, m, bar, peer.server.Name(), m/bar, word)
}

// noise is how far two medians may lie apart without a meaning.
const noise = 0.15
