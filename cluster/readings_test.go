package cluster

import (
	"math"
	"testing"
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
