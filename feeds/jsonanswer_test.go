package feeds

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseJSONPath(t *testing.T) {
	tests := []struct{ in, want string }{
		{in: "", want: "$"},
		{in: "$", want: "$"},
		{in: "data", want: "$.data"},
		{in: "$.data.items", want: "$.data.items"},
		{in: "data[0].rows[12]", want: "$.data[0].rows[12]"},
		{in: "[3]", want: "$[3]"},
		{in: "$['a.b'][\"c d\"].e", want: "$['a.b']['c d'].e"},
		{in: "data[*]", want: "$.data[*]"},
		{in: "data.*", want: "$.data[*]"},
		{in: "[*]", want: "$[*]"},
		{in: "data.", want: ""},
		{in: "a..b", want: ""},
		{in: "a[-1]", want: ""},
		{in: "a[1:2]", want: ""},
		{in: "a[?@.x]", want: ""},
		{in: "a[", want: ""},
		{in: "a]", want: ""},
		{in: "a['b", want: ""},
		{in: "a[*].b", want: ""},
		{in: "a[0]b", want: ""},
		{in: "a b", want: ""},
		{in: strings.Repeat("a.", 20) + "a", want: ""},
	}
	for _, tt := range tests {
		got, err := parseJSONPath(tt.in)
		if (err != nil) != (tt.want == "") || err == nil && got.String() != tt.want {
			t.Errorf("parseJSONPath(%q) = %s, %v; want %q", tt.in, got, err, tt.want)
		}
	}
}

func TestJSONAnswer(t *testing.T) {
	tests := []struct {
		name, records, total, body string
		want                       []Record
		wantTotal                  int
		err                        string
	}{
		{name: "list", body: `[{"id":1},{"id":2.5,"n":null,"ok":true}]`, want: []Record{{"id": int64(1)}, {"id": 2.5, "n": nil, "ok": true}}},
		{name: "inside", records: "data.items", total: "data.total", body: `{"x":[[{}]],"data":{"total":41,"items":[{"a":"b"}]}}`, want: []Record{{"a": "b"}}, wantTotal: 41},
		{name: "total first, as text", records: "d", total: "n", body: `{"n":"7","d":[]}`, wantTotal: 7},
		{name: "position", records: "[1].r", body: `[{"r":[{"a":1}]},{"r":[{"a":2}]}]`, want: []Record{{"a": int64(2)}}},
		{name: "one object", records: "now", body: `{"now":{"t":1,"in":{"c":2}}}`, want: []Record{{"t": int64(1), "in.c": int64(2)}}},
		{name: "members", records: "[*]", body: `{"a":{"v":1},"b":2}`, want: []Record{{"key": "a", "v": int64(1)}, {"key": "b", "value": int64(2)}}},
		{name: "lists and numbers", body: `[[1,"x"],3]`, want: []Record{{"0": int64(1), "1": "x"}, {"value": int64(3)}}},
		{name: "null for none", records: "r", body: `{"r":null}`},
		{name: "numbers", body: `[{"big":18446744073709551615,"huge":1e999,"e":1e3}]`, want: []Record{{"big": "18446744073709551615", "huge": "1e999", "e": 1000.0}}},
		{name: "nested", body: `[{"a":{"b":{"c":1},"l":[{"x":1}]},"e":{}}]`, want: []Record{{"a.b.c": int64(1), "a.l": []any{map[string]any{"x": int64(1)}}, "e": map[string]any{}}}},
		{name: "empty", body: " \n", err: "the answer is empty"},
		{name: "cut off", body: "{\n  \"a\": [1,", err: "not JSON at line 2, column 10"},
		{name: "wrong", body: "[\n{\"ä\": x}]", err: "not JSON at line 2, column 7: invalid character 'x'"},
		{name: "two values", body: "[] []", err: "not JSON at line 1, column 4"},
		{name: "a page", body: "<html>", err: "not JSON at line 1, column 1"},
		{name: "not UTF-8", body: "[\n \"\xff\"]", err: "not UTF-8 at line 2, column 3"},
		{name: "NaN", body: `[{"a":NaN}]`, err: "not JSON at line 1, column 7"},
		{name: "other shape", records: "data.items", body: `{"data":{"rows":[],"count":1}}`, err: "nothing at $.data.items; there are: rows, count"},
		{name: "shape of nothing", records: "data", body: `7`, err: "nothing at $.data"},
		{name: "text for records", records: "d", body: `{"d":"none"}`, err: "text at $.d; a list of records is expected"},
		{name: "no total", records: "d", total: "n", body: `{"d":[]}`, err: "no total at $.n"},
		{name: "lying total", records: "d", total: "n", body: `{"d":[],"n":-4}`, err: `total of "-4"`},
		{name: "half a total", records: "d", total: "n", body: `{"d":[],"n":1.5}`, err: `total of "1.5"`},
		{name: "huge total", records: "d", total: "n", body: `{"d":[],"n":1e300}`, err: `total of "1e300"`},
		{name: "true total", records: "d", total: "n", body: `{"d":[],"n":true}`, err: "true or false at $.n"},
		{name: "many fields", body: "[{" + manyMembers(300) + "}]", err: "record 1 has more than 256 fields"},
		{name: "long record", body: `[{"a":"` + strings.Repeat("x", maxJSONRecord) + `"}]`, err: "record 1 has more than 1048576 bytes"},
		{name: "many records", body: "[" + strings.Repeat("{},", maxJSONRecords) + "{}]", err: "more than 50000 records"},
		{name: "deep", body: strings.Repeat("[", 20_000), err: "exceeded max depth"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			shape := jsonShape{}
			var err error
			if shape.records, err = parseJSONPath(tt.records); err != nil {
				t.Fatal(err)
			}
			if tt.total != "" {
				if shape.total, err = parseJSONPath(tt.total); err != nil {
					t.Fatal(err)
				}
			}
			got, err := shape.read([]byte(tt.body))
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("read = %v; want an error with %q", err, tt.err)
				}
				return
			}
			if diff := cmp.Diff(tt.want, got.Records); err != nil || diff != "" || got.Total != tt.wantTotal {
				t.Errorf("read = total %d, %v; want %d, nil; records -want +got:\n%s", got.Total, err, tt.wantTotal, diff)
			}
		})
	}
}

// TestJSONAnswerWithAByteOrderMark reads what some servers put before their JSON.
func TestJSONAnswerWithAByteOrderMark(t *testing.T) {
	got, err := jsonShape{}.read([]byte("\ufeff[{\"id\":\"a\"}]"))
	if diff := cmp.Diff([]Record{{"id": "a"}}, got.Records); err != nil || diff != "" {
		t.Errorf("read = %v, records (-want +got)\n%s", err, diff)
	}
	if _, err := (jsonShape{}).read([]byte("\ufeff")); err == nil || err.Error() != "the answer is empty" {
		t.Errorf("read of a mark alone = %v; want that it is empty", err)
	}
}

func manyMembers(n int) string {
	members := make([]string, n)
	for i := range members {
		members[i] = fmt.Sprintf(`"m%d":%d`, i, i)
	}
	return strings.Join(members, ",")
}

// TestJSONAnswerMemory reads what is small as text and large as values, of which little may be left.
func TestJSONAnswerMemory(t *testing.T) {
	body := []byte(`{"skip":[` + strings.Repeat("[],", 1<<20) + `[]],"rows":[` + strings.Repeat("{},", 1<<20) + `{}]}`)
	before := allocated()
	_, err := jsonShape{records: jsonPath{{name: "rows"}}}.read(body)
	if err == nil || !strings.Contains(err.Error(), "more than 50000 records") {
		t.Fatalf("read = %v; want too many records", err)
	}
	if used := allocated() - before; used > 256<<20 {
		t.Errorf("%d MiB were allocated for %d MiB; want at most 256", used>>20, len(body)>>20)
	}
}

// allocated is how many bytes have been allocated so far, freed or not.
func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

func FuzzJSONAnswer(f *testing.F) {
	for _, body := range []string{`[{"id":1}]`, `{"a":{"n":3,"r":[{"x":{"y":1}}]}}`, `{"a":{"r":{"k":[1]}}}`, "[[[[", `{"a":{"r":null,"n":"9"}}`, "\xff"} {
		f.Add([]byte(body))
	}
	shape := jsonShape{records: jsonPath{{name: "a"}, {name: "r"}, {all: true}}, total: jsonPath{{name: "a"}, {name: "n"}}}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, s := range []jsonShape{{}, shape} {
			res, err := s.read(body)
			if err != nil {
				continue
			}
			if res.Total < 0 || len(res.Records) > maxJSONRecords {
				t.Errorf("read(%q) = %d records of %d", body, len(res.Records), res.Total)
			}
			for _, r := range res.Records {
				if len(r) > maxJSONFields {
					t.Errorf("read(%q) = a record with %d fields", body, len(r))
				}
			}
		}
	})
}
