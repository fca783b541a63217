package feeds

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"time"
)

// wireOutcome is an outcome on its way to other nodes. Times are Unix microseconds on the sender's clock, 0 for none.
type wireOutcome struct {
	Settled  int64      `json:"settled"`
	Took     int64      `json:"took"` // microseconds
	Failure  string     `json:"failure,omitempty"`
	Failures int        `json:"failures,omitempty"` // in a row
	Since    int64      `json:"since,omitempty"`
	Table    *wireTable `json:"table,omitempty"`
}

type wireTable struct {
	At      int64    `json:"at"`
	AsOf    int64    `json:"asOf"`             // the same, on the clock of the node that polled
	Newest  int64    `json:"newest,omitempty"` // on the source's clock
	Total   int      `json:"total"`
	Records []Record `json:"records"`
	Columns []string `json:"columns,omitempty"`
	Note    string   `json:"note,omitempty"`

	Marks map[string][2]int64 `json:"marks,omitempty"` // since when a record has been beyond warn and crit, by threshold and ID
}

// encode writes an outcome; skew is how far the sender's clock is ahead of the one that the outcome's times are on.
// The records have been through plain, so that they can be written.
func (o outcome) encode(skew time.Duration) []byte {
	w := wireOutcome{
		Settled: micros(o.settled, skew), Took: o.took.Microseconds(), Failure: o.failure, Failures: o.failures, Since: micros(o.since, skew),
	}
	if t := o.table; t != nil {
		w.Table = &wireTable{
			At: micros(t.at, skew), AsOf: micros(t.asOf, 0), Newest: micros(t.newest, 0), Total: t.total, Records: t.records, Columns: t.columns, Note: t.note,
		}
		for key, m := range t.marks {
			if w.Table.Marks == nil {
				w.Table.Marks = make(map[string][2]int64, len(t.marks))
			}
			w.Table.Marks[key] = [2]int64{micros(m.Warn, skew), micros(m.Crit, skew)}
		}
	}
	data, err := json.Marshal(w)
	if err != nil {
		return nil // nobody can read that, as it should be
	}
	return data
}

// decode reads an outcome. shift is what to add to the sender's times.
func decode(data []byte, shift time.Duration) (outcome, error) {
	var w wireOutcome
	if err := unmarshal(data, &w); err != nil {
		return outcome{}, err
	}
	o := outcome{
		settled: fromMicros(w.Settled).Add(shift),
		took:    max(0, time.Duration(w.Took)*time.Microsecond),
		failure: w.Failure,
	}
	if o.failure != "" {
		o.failures, o.since = w.Failures, fromMicros(w.Since).Add(shift)
	}
	if w.Table == nil {
		if o.failure == "" {
			return outcome{}, fmt.Errorf("neither a table nor a failure")
		}
		return o, nil
	}
	o.table = &table{
		records: plain(w.Table.Records), total: max(w.Table.Total, 0), newest: fromMicros(w.Table.Newest),
		at: fromMicros(w.Table.At).Add(shift), asOf: fromMicros(w.Table.AsOf), columns: w.Table.Columns, note: w.Table.Note,
	}
	for key, m := range w.Table.Marks {
		if o.table.marks == nil {
			o.table.marks = make(marks, len(w.Table.Marks))
		}
		o.table.marks[key] = mark{Warn: shifted(m[0], shift), Crit: shifted(m[1], shift)}
	}
	return o, nil
}

// travelled returns t as other nodes will have it, so that all show the same to the letter. What has more than most bytes under way cannot
// be carried to them; 0: there is no such bound.
func (t *table) travelled(most int) (*table, error) {
	data, err := json.Marshal(t.records)
	if err != nil {
		return nil, fmt.Errorf("write the records: %w", err)
	}
	if n := len(data) + t.luggage(); most > 0 && n > most {
		return nil, fmt.Errorf("the table has %d bytes as JSON, and %d can be carried to the other nodes; ask the source for less, or for pages", n, most)
	}
	same := &table{
		total: t.total, newest: t.newest.Truncate(time.Microsecond), at: t.at, marks: t.marks, columns: t.columns, note: t.note,
		verdict: t.verdict,
	}
	if err := unmarshal(data, &same.records); err != nil {
		return nil, err
	}
	same.records = plain(same.records)
	return same, nil
}

// luggage is at most how many bytes what goes with the records has under way.
func (t *table) luggage() int {
	const envelope, mark = 8 << 10, 48 // with a sentence of each kind and the times; two times and what stands around them
	n := envelope
	for key := range t.marks {
		n += 6*len(key) + mark
	}
	for _, name := range t.columns {
		n += 6*len(name) + len(`"",`)
	}
	return n
}

// unmarshal reads one value and keeps all digits of its numbers.
func unmarshal(data []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("read a table: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("read a table: there is more after it")
	}
	return nil
}

// plain makes values of the decoder's numbers, in place.
func plain(records []Record) []Record {
	for i, r := range records {
		if r == nil {
			records[i] = Record{}
		}
		for k, v := range r {
			r[k] = plainValue(v)
		}
	}
	return records
}

func plainValue(v any) any {
	switch v := v.(type) {
	case json.Number:
		return plainNumber(v)
	case map[string]any:
		for k, w := range v {
			v[k] = plainValue(w)
		}
	case []any:
		for i, w := range v {
			v[i] = plainValue(w)
		}
	}
	return v
}

func micros(t time.Time, shift time.Duration) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Add(shift).UnixMicro()
}

// shifted keeps what is none.
func shifted(us int64, shift time.Duration) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return fromMicros(us).Add(shift)
}

func fromMicros(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us)
}

// plainNumber keeps integers of 64 bits exact.
func plainNumber(n json.Number) any {
	if u, err := strconv.ParseUint(string(n), 10, 64); err == nil && u > math.MaxInt64 {
		return u
	}
	return sanitizeNumber(n)
}
