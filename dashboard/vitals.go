package dashboard

import (
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
	counts  []counted        // those of the last ratesOver, and one before
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

// ratesOver is the time over which rates are averages, about: most feeds have an interval of 10 s, and what goes out comes in bursts.
const ratesOver = 15 * time.Second

func newVitals() *vitals {
	v := &vitals{}
	v.process, _ = process.NewProcess(int32(os.Getpid())) // without it CPU is 0
	v.counts = []counted{{at: time.Now(), cpu: v.seconds()}}
	return v
}

// seconds are those of all processors so far.
func (v *vitals) seconds() float64 {
	if v.process == nil {
		return 0
	}
	times, err := v.process.Times()
	if err != nil {
		return 0
	}
	return times.User + times.System
}

// measure returns the rates of the last ratesOver, or since the start. events counts those written to clients.
func (v *vitals) measure(events uint64) rates {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := counted{at: time.Now(), cpu: v.seconds(), polls: v.polled.Load(), events: events}
	for len(v.counts) > 1 && now.at.Sub(v.counts[1].at) >= ratesOver {
		v.counts = v.counts[1:]
	}
	if now.at.Sub(v.counts[len(v.counts)-1].at) >= time.Second { // so that there are few, however many ask
		v.counts = append(v.counts, now)
	}
	first := v.counts[0]
	took := now.at.Sub(first.at)
	if took < time.Second {
		return rates{}
	}
	return rates{
		cpu:    min(100, 100*(now.cpu-first.cpu)/took.Seconds()/float64(runtime.GOMAXPROCS(0))),
		polls:  float64(now.polls-first.polls) / took.Minutes(),
		events: float64(now.events-first.events) / took.Seconds(),
	}
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
