package feeds

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// paging returns a source whose polls of one page take so long.
func paging(d time.Duration) *fakeSource {
	return &fakeSource{PollFn: func(ctx context.Context, q Query) (Result, error) {
		time.Sleep(d)
		return Result{Records: []Record{{"id": 1}}, Total: 1}, nil
	}}
}

func TestLoadingIsToldWhereWhatIsKeptIsTooOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := startRig(t, Options{Interval: time.Second, Concurrency: 1}, Feed{Name: "a", Source: paging(700 * time.Millisecond)})
		defer r.stop()
		var subs []Subscription
		for i := range 8 { // one poll in 0.7 s, so each is polled once in 5.6 s
			sub, _ := r.watch(fmt.Sprintf("a/-/%d", i+1))
			subs = append(subs, sub)
			time.Sleep(time.Millisecond)
		}
		time.Sleep(18500*time.Millisecond - time.Since(r.t0)) // those that were never polled took turns with the others until then
		r.watch("a")
		time.Sleep(500 * time.Millisecond)
		got, err := r.Newest(t.Context(), subs[0])
		if s := describe(got, r.t0) + " after " + time.Since(r.t0).String(); err != nil || s != "loading since 18.5s after 20.5s" {
			t.Errorf("Newest = %s, %v; want loading since 18.5s after 20.5s", s, err)
		}
		if told := r.last(subs[0]); told.Version != got.Version {
			t.Errorf("Newest = version %d, the sink has %d; want the same", got.Version, told.Version)
		}
		time.Sleep(2500 * time.Millisecond)
		wantReadings(t, r.readings(subs[0]), r.t0, []string{"ok at 700ms", "ok at 2.1s same", "ok at 4.9s same", "ok at 10.5s same", "ok at 16.1s same", "loading since 18.5s", "ok at 21.7s"})
		wantReadings(t, r.readings(subs[1]), r.t0, []string{"ok at 1.4s", "ok at 3.5s same", "ok at 7.7s same", "ok at 13.3s same", "ok at 18.9s same"}) // nobody came
	})
}

func TestLoadingIsToldAgainWhenItIsOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := startRig(t, Options{Interval: time.Second, Concurrency: 1}, Feed{Name: "a", Source: paging(700 * time.Millisecond)})
		defer r.stop()
		for i := range 20 {
			r.watch(fmt.Sprintf("a/-/%d", i+1))
			time.Sleep(time.Millisecond)
		}
		last, _ := r.watch("a/-/20")
		time.Sleep(3 * time.Second)
		r.watch("a/-/20") // what was told at 2 s is good enough
		time.Sleep(3 * time.Second)
		if got := len(r.readings(last)); got != 1 {
			t.Errorf("%d readings; want loading once", got)
		}
		r.watch("a/-/20")
		time.Sleep(3 * time.Second)
		if got := r.readings(last); len(got) != 2 || got[1].Status != Loading {
			t.Errorf("%d readings; want loading a second time", len(got))
		}
	})
}

func TestNewestAndTheSinkAgreeOnLoading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := startRig(t, Options{}, Feed{Name: "a", Source: paging(5 * time.Second)})
		defer r.stop()
		sub := r.resolve("a")
		var callers sync.WaitGroup
		versions := make([]int64, 50)
		for i := range versions {
			callers.Go(func() {
				got, err := r.Newest(t.Context(), sub)
				if err != nil || got.Status != Loading || time.Since(r.t0) != 2*time.Second {
					t.Errorf("Newest = %s, %v after %v; want loading after 2 s", describe(got, r.t0), err, time.Since(r.t0))
				}
				versions[i] = got.Version
			})
		}
		callers.Wait()
		told := r.readings(sub)
		for _, v := range versions {
			if len(told) != 1 || v != told[0].Version {
				t.Fatalf("Newest = versions %v, the sink has %d readings; want the one version that the sink has", versions, len(told))
			}
		}
	})
}

func TestNewestDoesNotWaitForWhatIsEvicted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := startRig(t, Options{MaxSubscriptions: 1}, Feed{Name: "a", Source: paging(5 * time.Second)})
		defer r.stop()
		go func() {
			time.Sleep(time.Second)
			_ = r.Want(r.resolve("a/-/2"))
		}()
		got, err := r.Newest(t.Context(), r.resolve("a"))
		if err != nil || got.Status != Loading || time.Since(r.t0) != time.Second {
			t.Errorf("Newest = %+v, %v after %v; want loading after 1 s", got, err, time.Since(r.t0))
		}
	})
}

func TestNewestBeforeRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := NewScheduler([]Feed{{Name: "a", Source: &fakeSource{}}}, newRecorder(t), Options{})
		if err != nil {
			t.Fatal(err)
		}
		t0 := time.Now()
		if got, err := s.Newest(t.Context(), Subscription{Feed: "a"}); err != nil || got.Status != Loading || time.Since(t0) != firstWait {
			t.Errorf("Newest = %+v, %v after %v; want loading after 2 s", got, err, time.Since(t0))
		}
	})
}
