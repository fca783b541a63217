package feeds

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// table is what one successful poll gave: everything for a Whole source, else the page that was asked for.
type table struct {
	records []Record
	total   int
	newest  time.Time // as a paged source says
	at      time.Time // when the poll ended
	marks   marks     // of the records, by the feed's thresholds
	verdict *Verdict  // of the records, until it is handed over; nil: nobody asked
	asOf    time.Time // the same, on the clock of the node that polled; zero: there is one node
	note    string    // what is wrong with it though it is shown
	columns []string  // in the order of the source, where it has one
}

// newTable repairs what a source gave, so that nothing it does wrong goes any further.
func newTable(res Result, q Query, whole bool) *table {
	t := &table{records: append([]Record{}, res.Records...), total: res.Total, newest: res.Newest, at: res.At, columns: res.Columns}
	if whole {
		t.total = len(t.records)
	} else {
		t.records = t.records[:min(len(t.records), q.Limit)]
		t.total = max(t.total, 0)
		if n := len(t.records); n > 0 {
			t.total = max(t.total, q.Offset+n)
		}
	}
	lost := sanitize(t.records)
	t.note = notes(res.Note, lost.note())
	return t
}

// filter returns the records that match all parameters.
func filter(records []Record, params string) []Record {
	if params == "" {
		return records
	}
	for key, want := range eachParam(params) {
		var kept []Record
		for _, r := range records {
			if v, ok := r[key]; ok && v != nil && text(v) == want {
				kept = append(kept, r)
			}
		}
		records = kept
	}
	return records
}

func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return fmt.Sprint(v)
}

// cut returns page current of the records. It does not keep the rest of them alive.
func cut(records []Record, current, size int) *Page {
	from, to := len(records), len(records)
	if current-1 <= len(records)/size {
		from = min(from, (current-1)*size)
		to = min(to, from+size)
	}
	return newPage(append([]Record{}, records[from:to]...), len(records), current, size)
}

func newPage(records []Record, total, current, size int) *Page {
	pages := total / size
	if total%size > 0 {
		pages++
	}
	return &Page{Records: records, Total: total, Size: size, Current: current, Pages: pages}
}

// equalPages compares what a client is shown.
func equalPages(a, b *Page) bool {
	if a == b {
		return true
	}
	if a == nil || b == nil || a.Total != b.Total || a.Current != b.Current || a.Size != b.Size {
		return false
	}
	return slices.EqualFunc(a.Records, b.Records, equalRecords)
}

func equalRecords(a, b Record) bool {
	if len(a) != len(b) {
		return false
	}
	for k, v := range a {
		w, ok := b[k]
		if !ok || !equalValues(v, w) {
			return false
		}
	}
	return true
}

func equalValues(a, b any) bool {
	switch a := a.(type) {
	case string:
		s, ok := b.(string)
		return ok && a == s
	case float64:
		f, ok := b.(float64)
		return ok && a == f
	case int:
		i, ok := b.(int)
		return ok && a == i
	case int64:
		i, ok := b.(int64)
		return ok && a == i
	case nil:
		return b == nil
	}
	return reflect.DeepEqual(a, b)
}

// values returns the numbers of a page by series name, 100 series at most.
func (d *Description) values(p *Page) map[string]float64 {
	if p == nil || len(d.Values) == 0 || len(p.Records) == 0 {
		return nil
	}
	out := make(map[string]float64, min(len(p.Records)*len(d.Values), historySeries))
	for _, r := range p.Records {
		id, ok := r[d.ID]
		if !ok || id == nil {
			continue
		}
		for _, field := range d.Values {
			v, ok := number(r[field])
			if !ok {
				continue
			}
			name := text(id)
			if len(d.Values) > 1 {
				name += " " + field
			}
			if _, twice := out[name]; twice {
				continue
			}
			if len(out) == historySeries {
				return out
			}
			out[name] = v
		}
	}
	return out
}

func number(v any) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, true
	case int:
		return float64(v), true
	case int64:
		return float64(v), true
	case nil, string, bool:
		return 0, false
	}
	r := reflect.ValueOf(v)
	switch {
	case r.CanInt():
		return float64(r.Int()), true
	case r.CanUint():
		return float64(r.Uint()), true
	}
	return 0, false
}

// newest returns the newest time in the records. One that is ahead of now by more than slack tells nothing.
func newest(records []Record, field string, now time.Time, slack time.Duration) time.Time {
	var last time.Time
	if field == "" {
		return last
	}
	limit := now.Add(max(slack, time.Minute))
	for _, r := range records {
		if t, ok := parseTime(r[field]); ok && t.After(last) && !t.After(limit) {
			last = t
		}
	}
	return last
}

// parseTime reads RFC 3339, or Unix seconds or milliseconds as a number or its digits.
func parseTime(v any) (time.Time, bool) {
	if s, ok := v.(string); ok {
		if t, err := time.Parse(time.RFC3339, strings.Replace(s, " ", "T", 1)); err == nil {
			return t.UTC(), true
		}
		v = json.Number(s)
	}
	var f float64
	if n, ok := v.(json.Number); ok {
		var err error
		if f, err = n.Float64(); err != nil {
			return time.Time{}, false
		}
	} else if f, ok = number(v); !ok {
		return time.Time{}, false
	}
	const firstMilliseconds = 1e11 // seconds until the year 5138, milliseconds from 1973
	if math.Abs(f) < firstMilliseconds {
		f *= 1000
	}
	if math.IsNaN(f) || math.Abs(f) > 1e15 {
		return time.Time{}, false
	}
	return time.UnixMilli(int64(f)).UTC(), true
}
