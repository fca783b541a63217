package cluster

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func versioned(version int64) []byte { return wireReading{sub: "s", version: version}.frame() }

// TestNewestStays has three nodes put readings into the map at the same time.
func TestNewestStays(t *testing.T) {
	var kept any = versioned(7)
	swap := func(value any) (any, error) {
		old := kept
		kept = value
		return old, nil
	}
	puts := 0
	newest, err := putNewest(versioned(5), 5, func(value any) (any, error) {
		old, err := swap(value)
		if puts++; puts == 1 { // another node is in between
			if newest, err := putNewest(versioned(9), 9, swap); !newest || err != nil {
				t.Errorf("putNewest(9) = %v, %v", newest, err)
			}
		}
		return old, err
	})
	if newest || err != nil {
		t.Errorf("putNewest(5) = %v, %v; want that it was too old", newest, err)
	}
	if w, err := parseReading(kept); w.version != 9 || err != nil {
		t.Errorf("version %d is kept, %v; want 9", w.version, err)
	}
	if newest, err := putNewest(versioned(9), 9, swap); !newest || err != nil {
		t.Errorf("the same again: %v, %v", newest, err)
	}
}

// TestVersionsWithoutSuccessor are readings that would be the newest for ever.
func TestVersionsWithoutSuccessor(t *testing.T) {
	for version, good := range map[int64]bool{1: true, 1 << 53: true, 0: false, -1: false, 1<<53 + 1: false, math.MaxInt64: false} {
		if _, err := parseReading(versioned(version)); (err == nil) != good {
			t.Errorf("a reading of version %d: %v", version, err)
		}
	}
}

// TestSendAndStore has the members take their time, or hang, each for itself.
func TestSendAndStore(t *testing.T) {
	const soon, hangs = time.Millisecond, time.Second
	for _, c := range []struct {
		name        string
		send, store time.Duration // how long they take; what hangs fails
		newest      bool
		sent        []time.Duration // when it begins to send
		stored      time.Duration   // when it begins to store
		fails       bool
	}{
		{"both at once", soon, soon, true, []time.Duration{0}, soon, false},
		{"there is a newer one", soon, hangs / 2, false, []time.Duration{0}, soon, false},
		{"sending is slow", 2 * storedAnyway, soon, true, []time.Duration{0}, storedAnyway, false},
		{"storing is slow", soon, storedWithin, true, []time.Duration{0, soon + storedWithin}, soon, false},
		{"sending hangs", hangs, soon, true, []time.Duration{0, hangs}, storedAnyway, true},
		{"storing hangs", soon, hangs, false, []time.Duration{0}, soon, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begun := time.Now()
				take := func(d time.Duration) error {
					pause(t.Context(), d)
					if d == hangs {
						return context.DeadlineExceeded
					}
					return nil
				}
				var sent []time.Duration
				var stored time.Duration
				err := sendAndStore(func() error {
					sent = append(sent, time.Since(begun))
					return take(c.send)
				}, func() (bool, error) {
					stored = time.Since(begun)
					return c.newest, take(c.store)
				})
				if !slices.Equal(sent, c.sent) || stored != c.stored || errors.Is(err, context.DeadlineExceeded) != c.fails {
					t.Errorf("sent at %v, want %v; stored at %v, want %v; %v", sent, c.sent, stored, c.stored, err)
				}
			})
		})
	}
}
