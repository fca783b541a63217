package feeds

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestPushIsChecked(t *testing.T) {
	many := "[" + strings.Repeat("{},", mostRecords) + "{}]"
	for _, tt := range []struct{ unionID, body, want string }{
		{"", ``, "EOF"},
		{"", `7`, "number"},
		{"", `{}`, "records are missing"},
		{"", `{"records":null}`, "records are null"},
		{"", `null`, "records are missing"},
		{"", `[null]`, "record 1 is null"},
		{"", `[1]`, "number"},
		{"", `[{"a":1}`, "EOF"},
		{"", `[{"a":1}] x`, "more after it"},
		{"", `{"records":[]} x`, "follows"},
		{"", `{"records":[],"more":1}`, "unknown field"},
		{"", `{"records":[{}],"total":100}`, "total is 100, and there are 1 records"},
		{"", many, "10001 records: 10000 are allowed"},
		{"", `[{"a":"` + strings.Repeat("x", MaxRecordBytes) + `"}]`, "1048576 are allowed"},
		{"7", `[]`, "all users share"},
		{"", `{"unionId":7,"records":[]}`, "all users share"},
	} {
		_, err := pushable(t, PushOptions{MaxBytes: mostBytes}).Put(tt.unionID, []byte(tt.body))
		if !errors.Is(err, ErrBadPush) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%.60s: %v; want an ErrBadPush with %q", tt.body, err, tt.want)
		}
	}
	for _, tt := range []struct{ unionID, body, want string }{
		{"", `[]`, "unionId is missing"},
		{"x", `[]`, "unionId"},
		{"7", `{"unionId":"8","records":[]}`, "unionId is"},
		{"", `{"unionId":[7],"records":[]}`, "unionId is no number"},
		{"", `{"unionId":7.5,"records":[]}`, "7.5"},
	} {
		_, err := pushable(t, PushOptions{PerUser: true}).Put(tt.unionID, []byte(tt.body))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%.60s for %q: %v; want %q", tt.body, tt.unionID, err, tt.want)
		}
	}
}

func TestPushIsTaken(t *testing.T) {
	for _, tt := range []struct{ unionID, body string }{
		{"7", `[{"id":"a","n":9007199254740993}]`}, {"", `{"unionId":7,"records":[{"id":"a","n":9007199254740993}]}`},
		{"7", `{"unionId":"7","total":1,"records":[{"id":"a","n":9007199254740993}]}`},
	} {
		p := pushable(t, PushOptions{PerUser: true})
		got, err := p.Put(tt.unionID, []byte(tt.body))
		if err != nil || got.UnionID != "7" || got.Records != 1 {
			t.Errorf("%s: %+v, %v", tt.body, got, err)
		}
		res, err := p.Poll(t.Context(), Query{UnionID: "7"})
		if err != nil || len(res.Records) != 1 || res.Records[0]["n"] != int64(9007199254740993) || !res.At.Equal(got.At) {
			t.Errorf("%s: %+v, %v", tt.body, res, err)
		}
		if _, err := p.Poll(t.Context(), Query{UnionID: "8"}); !errors.Is(err, errNothingYet) {
			t.Errorf("of another user: %v", err)
		}
	}
}

// TestPushMemoryIsBounded forgets who was pushed longest ago.
func TestPushMemoryIsBounded(t *testing.T) {
	p := pushable(t, PushOptions{PerUser: true, MaxBytes: mostBytes})
	record := fmt.Sprintf(`{"id":%q}`, strings.Repeat("x", 1<<19))
	body := []byte("[" + strings.Repeat(record+",", 9) + record + "]")
	for user := range 40 {
		if _, err := p.Put(fmt.Sprint(user), body); err != nil {
			t.Fatal(err)
		}
		if user == 5 { // the first one is the newest again
			if _, err := p.Put("0", body); err != nil {
				t.Fatal(err)
			}
		}
		if p.size > mostPushed || p.size != len(p.byID)*len(body) || p.order.order.Len() != len(p.byID) {
			t.Fatalf("%d bytes of %d users", p.size, len(p.byID))
		}
		if user == 15 && (p.byID["0"] == nil || p.byID["1"] != nil) {
			t.Error("forgotten is not who was pushed longest ago")
		}
	}
	padded := pushable(t, PushOptions{MaxBytes: mostBytes})
	if _, err := padded.Put("", []byte(strings.Repeat(" ", 5<<20)+"[]"+strings.Repeat("\n", 5<<20))); err != nil {
		t.Fatal(err)
	}
	if held := cap(padded.byID[""].records); held > 1<<10 {
		t.Errorf("%d bytes are held of 2", held)
	}
	small := pushable(t, PushOptions{PerUser: true})
	for user := range mostUsers + 10 {
		if _, err := small.Put(fmt.Sprint(user), []byte("[]")); err != nil {
			t.Fatal(err)
		}
	}
	if len(small.byID) != mostUsers {
		t.Errorf("%d users are kept; want %d", len(small.byID), mostUsers)
	}
}

func TestPushOptionsAreChecked(t *testing.T) {
	const key = "0123456789abcdef"
	for _, tt := range []struct {
		o    PushOptions
		want string
	}{
		{PushOptions{}, "key"}, {PushOptions{Key: "short"}, "key"}, {PushOptions{Key: key, MaxBytes: 10}, "maxBytes"},
		{PushOptions{Key: key, MaxBytes: 1 << 30}, "maxBytes"}, {PushOptions{Key: key, PerSecond: -1}, "perSecond"},
	} {
		_, err := NewPush(tt.o)
		var wrong *OptionError
		if !errors.As(err, &wrong) || wrong.Key != tt.want || strings.Contains(err.Error(), "short") {
			t.Errorf("%+v: %v; want one of %s", tt.o, err, tt.want)
		}
	}
	p := pushable(t, PushOptions{})
	if p.Allows("") || p.Allows(key+"0") || p.Allows(key[1:]) || !p.Allows(key) {
		t.Error("a wrong key is taken, or the right one is not")
	}
}
