package feeds

import (
	"context"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"
)

// TestHostileSources has one source do wrong in each way that there is, beside one that does right.
func TestHostileSources(t *testing.T) {
	big := strings.Repeat("x", 10<<20)
	endless := map[string]any{}
	endless["self"] = endless
	few := func(records ...Record) func(context.Context, Query) (Result, error) {
		return func(context.Context, Query) (Result, error) { return Result{Records: records}, nil }
	}
	tests := []struct {
		name  string
		about Description
		poll  func(ctx context.Context, q Query) (Result, error)
		want  string // status, then the error or the page
	}{
		{"slow", wholeTable, func(ctx context.Context, _ Query) (Result, error) { <-ctx.Done(); return Result{}, ctx.Err() },
			"error: The source did not answer within 8s."},
		{"panicking", wholeTable, func(context.Context, Query) (Result, error) { panic("oh") }, "error: The source panicked: oh."},
		{"failing", wholeTable, func(context.Context, Query) (Result, error) { return Result{}, errDown }, "error: Connect to database: refused."},
		{"failing at length", wholeTable, func(context.Context, Query) (Result, error) { return Result{}, errorText(big + "\xff") },
			"error: X" + strings.Repeat("x", maxSentence-2) + "…"},
		{"failing without a word", wholeTable, func(context.Context, Query) (Result, error) { return Result{}, errorText("") },
			"error: The source failed without saying why."},
		{"nothing", wholeTable, few(), `ok: 0 []`},
		{"nil records", wholeTable, few(nil, nil), `ok: 2 [{},{}]`},
		{"10 MB value", wholeTable, few(Record{"id": "x", "value": big}),
			"error: The source gave a record of 10485792 bytes, and 1048576 are allowed; leave its large fields out."},
		{"10 MB name", wholeTable, few(Record{big: 1}),
			"error: The source gave a record of 10485776 bytes, and 1048576 are allowed; leave its large fields out."},
		{"many large records", wholeTable, few(repeat(100, Record{"id": big[:1<<20-100]})...),
			"error: The source gave more than 67108864 bytes, and no more are allowed; ask it for less, or for pages."},
		{"too many records", wholeTable, few(make([]Record, MaxRecords+1)...),
			"error: The source gave 1000001 records, and 1000000 are allowed; ask it for less, or for pages."},
		{"no numbers", wholeTable, few(Record{"id": "x", "value": math.NaN(), "kind": math.Inf(-1)}), `ok: 1 [{"id":"x","kind":null,"value":null}]`},
		{"invalid UTF-8", wholeTable, few(Record{"id": "a\xffb", "k\xfe": []byte{0xff}}), `ok: 1 [{"id":"a�b","k�":"�"}]`},
		{"never ending", wholeTable, few(Record{"id": endless}), `ok: 1 [{"id":{"self":{"self":{"self":{"self":{"self":{"self":{"self":{"self":null}}}}}}}}}]`},
		{"strange values", wholeTable, few(Record{"id": make(chan int), "value": func() {}}), `ok: 1 [{"id":"(chan int)","value":"(func())"}]`},
		{"another shape", wholeTable, few(Record{"else": true}), `ok: 1 [{"else":true}]`},
		{"more than asked", Description{}, few(repeat(1000, Record{"id": 1})...), `ok: 2 [{"id":1},{"id":1}]`},
		{"total too low", Description{}, total(-5, Record{"id": 1}, Record{"id": 2}), `ok: 2 [{"id":1},{"id":2}]`},
		{"total too high", Description{}, total(math.MaxInt), `ok: 9223372036854775807 []`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				good := &fakeSource{Description: wholeTable, PollFn: counting(3)}
				r := startRig(t, Options{}, Feed{Name: "bad", Source: &fakeSource{Description: tt.about, PollFn: tt.poll}}, Feed{Name: "good", Source: good})
				defer r.stop()
				sub, release := r.watch("bad/-/1/2")
				defer release()
				beside, releaseGood := r.watch("good")
				defer releaseGood()
				time.Sleep(9 * time.Second)
				if got := shownAs(t, r.last(sub)); got != tt.want {
					t.Errorf("reading = %.400s\nwant %.400s", got, tt.want)
				}
				time.Sleep(20 * time.Second)
				if got := len(r.readings(beside)); got != 3 || r.last(beside).Status != OK {
					t.Errorf("%d readings of the other feed in 29 s, the last %s; want 3, ok", got, r.last(beside).Status)
				}
			})
		})
	}
}

// errorText is an error that says what it is.
type errorText string

func (e errorText) Error() string { return string(e) }

func repeat(n int, r Record) []Record {
	out := make([]Record, n)
	for i := range out {
		out[i] = r
	}
	return out
}

func total(n int, records ...Record) func(context.Context, Query) (Result, error) {
	return func(context.Context, Query) (Result, error) { return Result{Records: records, Total: n}, nil }
}

func shownAs(t *testing.T, r Reading) string {
	t.Helper()
	if r.Page == nil {
		if !utf8.ValidString(r.Error) {
			t.Errorf("the error is no UTF-8")
		}
		return string(r.Status) + ": " + r.Error
	}
	records, err := json.Marshal(r.Page.Records)
	if err != nil {
		t.Fatalf("the page cannot be written: %v", err)
	}
	return string(r.Status) + ": " + text(r.Page.Total) + " " + string(records)
}
