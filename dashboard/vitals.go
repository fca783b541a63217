package dashboard

import (
	"context"
	"os"
	"runtime"
	runtimemetrics "runtime/metrics"
	"sync"
	"sync/atomic"
	"time"

	"github.com/shirou/gopsutil/v4/process"

	"github.com/pulsewall/pulsewall/feeds"
)

// vitals are what the program costs and does, as rates since a moment ago.
type vitals struct {
	polled atomic.Uint64 // polls made

	mu      sync.Mutex
	process *process.Process // nil where the system does not tell; guarded by mu, like all below
	last    counted
	rates   rates
}

// counted is what has been counted up to a moment.
type counted struct {
	at            time.Time
	cpu           float64 // seconds
	polls, events uint64
}

// rates are the newest.
type rates struct {
	cpu           float64 // percent of the processors that the program may use
	polls, events float64 // a minute; a second
}

// ratesOver is the shortest time over which rates say something.
const ratesOver = 2 * time.Second

func newVitals() *vitals {
	v := &vitals{}
	v.process, _ = process.NewProcess(int32(os.Getpid())) // without it CPU is 0
	v.last = counted{at: time.Now(), cpu: v.seconds()}
	return v
}

// seconds are those of all processors so far.
func (v *vitals) seconds() float64 {
	if v.process == nil {
		return 0
	}
	times, err := v.process.TimesWithContext(context.Background())
	if err != nil {
		return 0
	}
	return times.User + times.System
}

// measure returns the rates as of now, give or take ratesOver. events counts those written to clients.
func (v *vitals) measure(events uint64) rates {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := time.Now()
	took := now.Sub(v.last.at)
	if took < ratesOver {
		return v.rates
	}
	next := counted{at: now, cpu: v.seconds(), polls: v.polled.Load(), events: events}
	v.rates = rates{
		cpu:    min(100, 100*(next.cpu-v.last.cpu)/took.Seconds()/float64(runtime.GOMAXPROCS(0))),
		polls:  float64(next.polls-v.last.polls) / took.Minutes(),
		events: float64(next.events-v.last.events) / took.Seconds(),
	}
	v.last = next
	return v.rates
}

// polled counts one poll.
func (d *Dashboard) polled(feed string, took time.Duration, status feeds.Status) {
	d.vitals.polled.Add(1)
	d.metrics.polled(feed, took, status)
}

// memory is how many bytes the program has of the system. Unlike runtime.ReadMemStats it stops nobody.
func memory() uint64 {
	samples := []runtimemetrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	runtimemetrics.Read(samples)
	for _, s := range samples {
		if s.Value.Kind() != runtimemetrics.KindUint64 {
			return 0
		}
	}
	return samples[0].Value.Uint64() - samples[1].Value.Uint64()
}
