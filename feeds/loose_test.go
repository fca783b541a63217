package feeds

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestAddValue reads what a text means, and keeps integers that are names to the digit.
func TestAddValue(t *testing.T) {
	const long = "123456789012345678901234567890"
	for _, tt := range []struct {
		text string
		want Record
	}{
		{"21.5", Record{"topic": "a", "value": 21.5}},
		{" 9007199254740993 ", Record{"topic": "a", "value": int64(9007199254740993)}},
		{long, Record{"topic": "a", "value": long}},
		{"007", Record{"topic": "a", "value": "007"}},
		{"NaN", Record{"topic": "a", "value": "NaN"}},
		{"true", Record{"topic": "a", "value": true}},
		{`[1,"x"]`, Record{"topic": "a", "value": []any{int64(1), "x"}}},
		{`{"id":` + long + `,"at":{"n":` + long + `},"topic":"mine"}`, Record{"topic": "a", "id": long, "at": map[string]any{"n": long}}},
		{`{"cut`, Record{"topic": "a", "value": `{"cut`}},
	} {
		r := Record{"topic": "a"}
		addValue(r, "value", tt.text)
		if diff := cmp.Diff(tt.want, r); diff != "" {
			t.Errorf("%s (-want +got)\n%s", tt.text, diff)
		}
	}
	p := pushable(t, PushOptions{})
	if _, err := p.Put("", []byte(`[{"id":`+long+`}]`)); err != nil {
		t.Fatal(err)
	}
	if res, err := p.Poll(t.Context(), Query{}); err != nil || res.Records[0]["id"] != long {
		t.Errorf("pushed: %v, %v; want %s", res.Records, err, long)
	}
}
