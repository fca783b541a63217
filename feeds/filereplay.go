package feeds

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sort"
	"time"
)

// replay plays what was recorded, over and over.
type replay struct {
	time  string
	id    string // empty: the newest rows
	rows  int
	speed float64
}

// tape is a recording, in the order of its times.
type tape struct {
	replay
	played []tapeRow
	span   time.Duration  // of one round
	ids    map[string]int // the place of each in the table
}

type tapeRow struct {
	at     time.Duration // since the first
	id     string
	record Record
}

// maxRound is how long one round may take.
const maxRound = 100 * 365 * 24 * time.Hour

func newReplay(o ReplayOptions) (*replay, error) {
	const maxSpeed = 1e6
	r := &replay{time: o.Time, id: o.ID, rows: cmp.Or(o.Rows, 50), speed: cmp.Or(o.Speed, 1)}
	switch {
	case o.Time == "":
		return nil, &OptionError{Key: "replay.time", Problem: "is missing: the column with the time of a row"}
	case r.rows < 1 || r.rows > maxTail:
		return nil, &OptionError{Key: "replay.rows", Problem: fmt.Sprintf("%d; allowed: 1 to %d", o.Rows, maxTail)}
	case o.ID != "" && o.Rows != 0:
		return nil, &OptionError{Key: "replay.rows", Problem: "excludes id, which shows a row each"}
	case !(r.speed > 0 && r.speed <= maxSpeed):
		return nil, &OptionError{Key: "replay.speed", Problem: fmt.Sprintf("%v; allowed: more than 0, up to %d", o.Speed, int(maxSpeed))}
	}
	return r, nil
}

// record puts the rows of a file in the order of their times.
func (r *replay) record(records []Record) (*tape, error) {
	t := &tape{replay: *r, played: make([]tapeRow, 0, len(records)), ids: make(map[string]int)}
	var first time.Time
	for i, record := range records {
		at, ok := recordedTime(record[r.time])
		if !ok {
			return nil, fmt.Errorf("has no time in %s of row %d: %s", r.time, i+1, quote(text(record[r.time])))
		}
		if i == 0 {
			first = at
		}
		row := tapeRow{at: at.Sub(first), record: record}
		if r.id != "" {
			if record[r.id] == nil {
				return nil, fmt.Errorf("has no %s in row %d", r.id, i+1)
			}
			row.id = text(record[r.id])
			if _, known := t.ids[row.id]; !known {
				t.ids[row.id] = len(t.ids)
			}
		}
		t.played = append(t.played, row)
	}
	slices.SortStableFunc(t.played, func(a, b tapeRow) int { return cmp.Compare(a.at, b.at) })
	return t, t.measure()
}

// measure finds how long one round is: from the first time to the last, and what lies between two of them once more.
func (t *tape) measure() error {
	if len(t.played) == 0 {
		return errors.New("has no rows to replay")
	}
	start, times := t.played[0].at, 1
	for i := range t.played {
		t.played[i].at -= start
		if i > 0 && t.played[i].at != t.played[i-1].at {
			times++
		}
	}
	t.span = t.played[len(t.played)-1].at
	if times == 1 {
		return fmt.Errorf("has the same %s in all rows; a replay needs two different ones", t.time)
	}
	t.span += t.span / time.Duration(times-1)
	if seconds := t.span.Seconds() / t.speed; seconds < 1 || seconds > maxRound.Seconds() {
		return fmt.Errorf("would be replayed in %.3g s; allowed: 1 s to %.0f s, by another speed", seconds, maxRound.Seconds())
	}
	return nil
}

// round is how long one takes to play.
func (t *tape) round() time.Duration { return time.Duration(float64(t.span) / t.speed) }

// at returns what the recording shows now: its rows so far, and before them those of the round before. A row that is
// played has the time at which that happens, recorded with the one in the file, and replayed.
func (t *tape) at(now time.Time) []Record {
	phase := time.Duration(now.UnixNano()) % t.round()
	began := now.Add(-phase)
	position := time.Duration(float64(phase) * t.speed)
	next := sort.Search(len(t.played), func(i int) bool { return t.played[i].at > position })
	wanted := min(t.rows, len(t.played))
	if t.id != "" {
		wanted = len(t.ids)
	}
	shown := make([]Record, wanted)
	for i, found := 0, 0; found < wanted; i++ {
		row, start := &t.played[(next-1-i+len(t.played))%len(t.played)], began
		if i >= next {
			start = began.Add(-t.round())
		}
		place := found
		if t.id != "" {
			place = t.ids[row.id]
		}
		if shown[place] == nil {
			shown[place] = t.play(row, start)
			found++
		}
	}
	return shown
}

func (t *tape) play(row *tapeRow, start time.Time) Record {
	r := maps.Clone(row.record)
	r["recorded"] = row.record[t.time]
	r["replayed"] = true
	r[t.time] = start.Add(time.Duration(float64(row.at) / t.speed)).UTC().Format(timeLayout)
	return r
}

// recordedTime reads what parseTime does, and times without a zone, which count as UTC.
func recordedTime(v any) (time.Time, bool) {
	if at, ok := parseTime(v); ok {
		return at, true
	}
	s, _ := v.(string)
	for _, layout := range []string{time.DateOnly, time.DateTime, "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02T15:04"} {
		if at, err := time.Parse(layout, s); err == nil {
			return at, true
		}
	}
	return time.Time{}, false
}
