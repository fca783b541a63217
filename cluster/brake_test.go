package cluster

import (
	"testing"
	"testing/synctest"
	"time"

	hzlogger "github.com/hazelcast/hazelcast-go-client/logger"
)

// TestBrake has a client run away after it was stopped. While it runs, nothing of it is held up, nor even put into words.
func TestBrake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &brake{fails: new(failures)}
		b.runs.Store(true)
		began := time.Now()
		for range 10 * turnsFree {
			b.Log(hzlogger.WeightTrace, func() string { t.Error("a text is made"); return turning })
		}
		b.runs.Store(false)
		for range turnsFree {
			b.Log(hzlogger.WeightTrace, func() string { return turning + ": 7" })
		}
		b.Log(hzlogger.WeightTrace, func() string { return "cluster.Service.sendMemberListViewRequest" })
		if took := time.Since(began); took != 0 {
			t.Errorf("held up for %v before it ran away", took)
		}
		for range 10 {
			b.Log(hzlogger.WeightTrace, func() string { return turning + ": 7" })
		}
		if took := time.Since(began); took != 10*turnEvery {
			t.Errorf("ten turns took %v, want %v", took, 10*turnEvery)
		}
	})
}
