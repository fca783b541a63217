package feeds

import (
	"testing"
	"time"
	"unsafe"
)

// beforeSleep is t on a machine that has slept for d since: its wall clock went on, its monotonic clock stood still.
func beforeSleep(t time.Time, d time.Duration) time.Time {
	const nanosecondBits = 30 // of the first word of a time with a monotonic reading; its seconds are above them
	*(*uint64)(unsafe.Pointer(&t)) -= uint64(d/time.Second) << nanosecondBits
	return t
}

func TestAgeCountsSleep(t *testing.T) {
	now := time.Now()
	then := now.Add(-time.Second)
	tests := []struct {
		then time.Time
		want time.Duration
	}{
		{then, time.Second},
		{beforeSleep(then, time.Hour), time.Hour + time.Second},
		{beforeSleep(then, -time.Hour), time.Second}, // the clock was set back
		{then.Round(0), time.Second},
	}
	for _, tt := range tests {
		if got := age(tt.then, now); got != tt.want {
			t.Errorf("age(%v, %v) = %v; want %v", tt.then, now, got, tt.want)
		}
	}
}

func TestNothingFromBeforeSleepIsServedAsNew(t *testing.T) {
	now := time.Now() // not in a bubble: time has no monotonic clock there
	p := &poll{feed: &feed{Feed: Feed{Interval: 10 * time.Second}}, outcome: outcome{settled: now.Add(-time.Second)}}
	if !p.fresh(now) {
		t.Error("a table of a second ago is not fresh")
	}
	p.settled = beforeSleep(p.settled, time.Minute)
	if p.fresh(now) {
		t.Error("a table from before the machine slept is fresh")
	}
}
