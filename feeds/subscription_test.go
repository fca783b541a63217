package feeds

import (
	"errors"
	"strings"
	"testing"
)

func TestParseSubscription(t *testing.T) {
	tests := []struct {
		in   string
		want string // canonical; empty: refused
	}{
		{"processes", "processes/-/1/10"},
		{"processes/-/1/10", "processes/-/1/10"},
		{"processes//2/", "processes/-/2/10"},
		{"stocks/007/3/500", "stocks/7/3/500"},
		{"stocks/-9223372036854775808", "stocks/-9223372036854775808/1/10"},
		{"host@node-2;group=cpu", "host@node-2/-/1/10;group=cpu"},
		{"a;z=1;b=x%20y+z", "a/-/1/10;b=x+y+z;z=1"},
		{"a;b=%2F%3B%3D%C3%A9", "a/-/1/10;b=%2F%3B%3D%C3%A9"},
		{"a;b.c=1;b=2", "a/-/1/10;b=2;b.c=1"},
		{"a;", "a/-/1/10"},
		{"a/-/2147483647", "a/-/2147483647/10"},
		{in: ""}, {in: "/7"}, {in: "a b"}, {in: "a@"}, {in: "a@b@c"}, {in: "ä"}, {in: strings.Repeat("x", 65)},
		{in: "a/x"}, {in: "a/9223372036854775808"}, {in: "a/1.5"}, {in: "a/7/0"}, {in: "a/7/-1"}, {in: "a/7/-"}, {in: "a/7/2147483648"},
		{in: "a/7/1/501"}, {in: "a/7/1/0"}, {in: "a/7/1/10/"}, {in: "a;;b=1"}, {in: "a;b"}, {in: "a;b="}, {in: "a;=b"}, {in: "a;b=1;b=1"},
		{in: "a;b=%zz"}, {in: "a;b=%ff"}, {in: "a;b=" + strings.Repeat("x", 257)}, {in: "a;b=1;c=1;d=1;e=1;f=1;g=1;h=1;i=1;j=1"},
	}
	for _, tt := range tests {
		got, err := ParseSubscription(tt.in)
		if tt.want == "" {
			if !errors.Is(err, ErrBadSubscription) || !strings.Contains(err.Error(), "allowed") && !strings.Contains(err.Error(), "names no node") {
				t.Errorf("ParseSubscription(%q) = %v, %v; want ErrBadSubscription saying what is allowed", tt.in, got, err)
			}
			continue
		}
		if err != nil || got.String() != tt.want {
			t.Errorf("ParseSubscription(%q) = %v, %v; want %s", tt.in, got, err, tt.want)
		}
	}
}

func TestSubscriptionParam(t *testing.T) {
	sub, err := ParseSubscription("a;user=root+x;b=%3D%3B")
	if err != nil {
		t.Fatal(err)
	}
	if got := sub.Param("user"); got != "root x" {
		t.Errorf("Param(user) = %q; want %q", got, "root x")
	}
	if got := sub.Param("b"); got != "=;" {
		t.Errorf("Param(b) = %q; want %q", got, "=;")
	}
	if got := sub.Param("c"); got != "" {
		t.Errorf("Param(c) = %q; want none", got)
	}
}

func TestEqualParametersAreOneSubscription(t *testing.T) {
	a, _ := ParseSubscription("a/+7;y=%31;x=2")
	b, _ := ParseSubscription("a/07/1/10;x=2;y=1")
	if a != b {
		t.Errorf("%v != %v; want the same subscription", a, b)
	}
}

func FuzzParseSubscription(f *testing.F) {
	for _, s := range []string{"processes/-/1/10", "host@node-2/-/1/50;group=cpu", "stocks/7/2/20", "a;b=%2F%3B", "a;z=1;y=+", "//", ";", "@", "a@b/-9/1/1;k=%C3%A9"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		sub, err := ParseSubscription(s)
		if err != nil {
			if !errors.Is(err, ErrBadSubscription) {
				t.Fatalf("ParseSubscription(%q): %v; want ErrBadSubscription", s, err)
			}
			return
		}
		again, err := ParseSubscription(sub.String())
		if err != nil || again != sub {
			t.Fatalf("ParseSubscription(%q) = %+v, %v; want %+v again", sub.String(), again, err, sub)
		}
		for k := range eachParam(sub.Params) {
			if sub.Param(k) == "" {
				t.Fatalf("Param(%q) of %q is empty", k, sub.String())
			}
		}
	})
}
