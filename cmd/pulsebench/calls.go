//go:build unix

package main

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// counting has a member print once a second how often it was asked what since it started.
const counting = `hazelcast:
  properties:
    hazelcast.diagnostics.enabled: "true"
    hazelcast.diagnostics.stdout: STDOUT
    hazelcast.diagnostics.operation-profiler.period.seconds: "1"
    hazelcast.diagnostics.metrics.period.seconds: "0"
    hazelcast.diagnostics.invocation-profiler.period.seconds: "0"
`

var (
	// reportLine begins a report and says when it was made, in Unix milliseconds.
	reportLine = regexp.MustCompile(`(\d{13}) OperationsProfiler\[`)
	// taskLine names a request of a client, countLine how often it came.
	taskLine  = regexp.MustCompile(`client\.impl\.protocol\.task\.(?:\w+\.)*(\w+)MessageTask\[`)
	countLine = regexp.MustCompile(`^\s*count=([\d,]+)`)
)

// calls are requests of clients by name.
type calls map[string]int

// callCounter reads what a member prints.
type callCounter struct {
	mu       sync.Mutex
	at       time.Time // of the last whole report; guarded by mu
	whole    calls     // its counts; guarded by mu
	building calls     // used by Write alone, like all below
	made     time.Time
	name     string
}

func newCallCounter() *callCounter { return &callCounter{building: make(calls)} }

// now returns the newest counts and when they were taken.
func (c *callCounter) now() (calls, time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.whole, c.at
}

// Write takes one line or more.
func (c *callCounter) Write(p []byte) (int, error) {
	for line := range strings.Lines(string(p)) {
		if found := reportLine.FindStringSubmatch(line); found != nil {
			c.publish()
			ms, _ := strconv.ParseInt(found[1], 10, 64)
			c.made = time.UnixMilli(ms)
		}
		if found := taskLine.FindStringSubmatch(line); found != nil {
			c.name = found[1]
		} else if found := countLine.FindStringSubmatch(line); found != nil && c.name != "" {
			c.building[c.name], _ = strconv.Atoi(strings.ReplaceAll(found[1], ",", ""))
			c.name = ""
		} else if strings.HasSuffix(strings.TrimSpace(line), "[") {
			c.name = "" // another operation, or its latencies
		}
	}
	return len(p), nil
}

// publish makes the report that was read the newest.
func (c *callCounter) publish() {
	c.mu.Lock()
	c.whole, c.at = maps.Clone(c.building), c.made
	c.mu.Unlock()
}

// since returns calls a second between two reports, in all and by name, the most frequent first.
func (c calls) since(before calls, seconds float64) (total float64, parts string) {
	type part struct {
		name string
		rate float64
	}
	var list []part
	for name, n := range c {
		if more := n - before[name]; more > 0 {
			list = append(list, part{name, float64(more) / seconds})
			total += float64(more) / seconds
		}
	}
	slices.SortFunc(list, func(a, b part) int { return cmp.Or(cmp.Compare(b.rate, a.rate), cmp.Compare(a.name, b.name)) })
	words := make([]string, len(list))
	for i, p := range list {
		words[i] = fmt.Sprintf("%s %.1f", p.name, p.rate)
	}
	return total, strings.Join(words, ", ")
}
