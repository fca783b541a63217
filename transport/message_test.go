package transport

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestAddressJSON(t *testing.T) {
	hundred := strings.Repeat(`1,`, 99) + `1`
	tests := []struct {
		in   string
		want Address
		err  error
	}{
		{in: `{"all":true}`, want: Address{All: true}},
		{in: `{"room":"r"}`, want: Address{Room: "r"}},
		{in: `{"users":["7","8"]}`, want: Address{Users: []string{"7", "8"}}},
		{in: `{"users":[8,7,"8"]}`, want: Address{Users: []string{"8", "7"}}},
		{in: `{"room":"r","users":["-9223372036854775808"]}`, want: Address{Room: "r", Users: []string{"-9223372036854775808"}}},
		{in: `{"users":[` + hundred + `]}`, want: Address{Users: []string{"1"}}},
		{in: `{"users":[` + hundred + `,1]}`, err: ErrBadAddress},
		{in: `{}`, err: ErrBadAddress},
		{in: `null`, err: ErrBadAddress},
		{in: `"all"`, err: ErrBadAddress},
		{in: `{"all":false}`, err: ErrBadAddress},
		{in: `{"users":[]}`, err: ErrBadAddress},
		{in: `{"all":true,"room":"r"}`, err: ErrBadAddress},
		{in: `{"all":true,"users":["7"]}`, err: ErrBadAddress},
		{in: `{"room":"a b"}`, err: ErrBadAddress},
		{in: `{"room":"` + strings.Repeat("r", 65) + `"}`, err: ErrBadAddress},
		{in: `{"users":["seven"]}`, err: ErrBadAddress},
		{in: `{"users":[1.5]}`, err: ErrBadAddress},
		{in: `{"users":[9223372036854775808]}`, err: ErrBadAddress},
		{in: `{"user":["7"]}`, err: ErrBadAddress},
	}
	for _, tt := range tests {
		var got Address
		err := got.UnmarshalJSON([]byte(tt.in))
		if !errors.Is(err, tt.err) || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("Unmarshal(%s) = %+v, %v; want %+v, %v", tt.in, got, err, tt.want, tt.err)
		}
	}
}

func TestParseAddress(t *testing.T) {
	tests := []struct {
		in   string
		want Address
		err  error
	}{
		{in: "all", want: Address{All: true}},
		{in: "room:r", want: Address{Room: "r"}},
		{in: "user:7", want: Address{Users: []string{"7"}}},
		{in: "user:7, 8,7", want: Address{Users: []string{"7", "8"}}},
		{in: "", err: ErrBadAddress},
		{in: "all:", err: ErrBadAddress},
		{in: "room:", err: ErrBadAddress},
		{in: "room:a:b", err: ErrBadAddress},
		{in: "user:", err: ErrBadAddress},
		{in: "user:7,", err: ErrBadAddress},
		{in: "users:7", err: ErrBadAddress},
	}
	for _, tt := range tests {
		got, err := ParseAddress(tt.in)
		if !errors.Is(err, tt.err) || err == nil && !reflect.DeepEqual(got, tt.want) {
			t.Errorf("ParseAddress(%q) = %+v, %v; want %+v, %v", tt.in, got, err, tt.want, tt.err)
		}
	}
}

func FuzzAddress(f *testing.F) {
	for _, s := range []string{"all", "room:r", "user:7,8", `{"all":true}`, `{"room":"r","users":["7"]}`, `{"users":[1e3]}`, "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for what, read := range map[string]func() (Address, error){
			"form": func() (Address, error) { return ParseAddress(s) },
			"JSON": func() (a Address, err error) { err = a.UnmarshalJSON([]byte(s)); return a, err },
		} {
			a, err := read()
			if err != nil {
				if !errors.Is(err, ErrBadAddress) || !utf8.ValidString(err.Error()) || len(err.Error()) > 600 {
					t.Errorf("%s %q: %v; want a short ErrBadAddress", what, s, err)
				}
				continue
			}
			b, err := json.Marshal(a)
			if err != nil {
				t.Fatal(err)
			}
			var again Address
			if err := json.Unmarshal(b, &again); err != nil || !reflect.DeepEqual(again, a) {
				t.Errorf("%s %q: %+v reads back as %+v, %v", what, s, a, again, err)
			}
		}
	})
}

func TestAddressReaches(t *testing.T) {
	nobody, seven := Reader{}, Reader{UnionID: "7"}
	inR, sevenInR := Reader{Rooms: []string{"q", "r"}}, Reader{UnionID: "7", Rooms: []string{"r"}}
	tests := []struct {
		to   Address
		want [4]bool // nobody, seven, inR, sevenInR
	}{
		{Address{All: true}, [4]bool{true, true, true, true}},
		{Address{Room: "r"}, [4]bool{false, false, true, true}},
		{Address{Users: []string{"7", "8"}}, [4]bool{false, true, false, true}},
		{Address{Room: "r", Users: []string{"7"}}, [4]bool{false, false, false, true}},
		{Address{Room: "s", Users: []string{"7"}}, [4]bool{}},
		{Address{}, [4]bool{}},
	}
	for _, tt := range tests {
		got := [4]bool{tt.to.reaches(nobody), tt.to.reaches(seven), tt.to.reaches(inR), tt.to.reaches(sevenInR)}
		if got != tt.want {
			t.Errorf("%+v reaches %v; want %v", tt.to, got, tt.want)
		}
	}
}

func TestMessageJSON(t *testing.T) {
	m := Message{
		ID: "e-1", Key: "k", From: Sender{UnionID: "7", Name: "Ann"}, To: Address{Room: "r"}, Room: "r",
		At: time.Date(2026, 1, 2, 3, 4, 5, 6789, time.FixedZone("", 3600)), Data: json.RawMessage("{\"a\":\n1}"),
	}
	b, err := json.Marshal(&m)
	const want = `{"id":"e-1","key":"k","from":{"unionId":"7","name":"Ann"},"to":{"room":"r"},"room":"r","at":"2026-01-02T02:04:05.000Z","data":{"a":1}}`
	if err != nil || string(b) != want {
		t.Errorf("Marshal = %s, %v; want %s", b, err, want)
	}
	var again Message
	if err := json.Unmarshal(b, &again); err != nil || again.Key != "k" || !again.At.Equal(m.At.Truncate(time.Millisecond)) {
		t.Errorf("Unmarshal = %+v, %v; want what was marshaled", again, err)
	}
}

func TestValidName(t *testing.T) {
	for name, want := range map[string]bool{
		"a": true, "Z9._-": true, strings.Repeat("x", 64): true,
		"": false, "a b": false, "ä": false, "a/b": false, "a\n": false, strings.Repeat("x", 65): false,
	} {
		if got := ValidName(name); got != want {
			t.Errorf("ValidName(%q) = %v; want %v", name, got, want)
		}
	}
}

func ExampleParseAddress() {
	to, err := ParseAddress("user:7,8")
	fmt.Println(to.Users, err)
	// Output: [7 8] <nil>
}

// TestDataThatNoClientCouldRead is in a log that others write, too: a text frame with it would end the stream, and the next one.
func TestDataThatNoClientCouldRead(t *testing.T) {
	for _, data := range []string{"\"\xff\"", "{", "", "\"\xed\xa0\x80\""} {
		e := newEntry(Item{Message: Message{To: Address{All: true}, Data: json.RawMessage(data)}}, time.Now())
		if !utf8.Valid(e.data) || !json.Valid(e.data) || string(e.message.Data) != "null" {
			t.Errorf("%q became %s", data, e.data)
		}
	}
}
