package feeds

import (
	"encoding/json"
	"math"
	"reflect"
	"testing"
	"time"
)

func TestOutcomeTravels(t *testing.T) {
	at := time.UnixMicro(1_780_000_000_123_456)
	records := []Record{
		{"i": -7, "u": uint64(math.MaxUint64), "f": 0.1, "whole": 5.0, "huge": 1e300, "zero": math.Copysign(0, -1), "s": "\u2028<é\x00>"},
		{"none": nil, "yes": true, "deep": map[string]any{"list": []any{1, "x", int64(math.MinInt64), 1e21}}},
		nil,
	}
	sanitize(records)
	first, err := (&table{records: records, total: 3, newest: at.Add(time.Nanosecond)}).travelled(0)
	if err != nil {
		t.Fatal(err)
	}
	first.at, first.asOf = at, at.Add(time.Hour)
	o := outcome{table: first, failure: "Down.", failures: 7, since: at.Add(time.Second), settled: at.Add(2 * time.Second), took: 1500 * time.Millisecond}
	const ahead = 15 * time.Second
	got, err := decode(o.encode(ahead), -ahead)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, o) {
		t.Errorf("came as\n%+v %+v\nwant\n%+v %+v", got, got.table, o, o.table)
	}
	before, _ := json.Marshal(first.records)
	if after, _ := json.Marshal(got.table.records); string(after) != string(before) {
		t.Errorf("records came as\n%s\nwant\n%s", after, before)
	}
	failed := outcome{failure: "Down.", since: at, settled: at}
	if got, err = decode(failed.encode(0), 0); err != nil || !reflect.DeepEqual(got, failed) {
		t.Errorf("a failure came as %+v, %v", got, err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"settled":1,"took":5,"table":{"at":1,"asOf":1,"total":2,"records":[{"a":1e400,"b":[1.5,{"c":-0}]},null]}}`))
	f.Add([]byte(`{"failure":"x","since":-1,"took":-9223372036854775808}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		o, err := decode(data, time.Second)
		if err != nil {
			return
		}
		again, err := decode(o.encode(0), 0)
		if err != nil || o.table != nil && len(again.table.records) != len(o.table.records) {
			t.Errorf("%s read and written is %+v, %v", data, again, err)
		}
	})
}
