package feeds

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
)

func TestPromText(t *testing.T) {
	tests := []struct {
		in, id, want, err string
	}{
		{in: `up`, id: "7", want: `up`},
		{in: `up{u="{unionId}"} > 0`, id: "7", want: `up{u="7"} > 0`},
		{in: `up{u='a-{unionId}-b', v="x'"}`, id: `'"\`, want: `up{u='a-\'"\\-b', v="x'"}`},
		{in: `up{u="\"{unionId}"}`, id: "a\"b\n", want: `up{u="\"a\"b\n"}`},
		{in: `up{u =~ "{unionId}|x"}`, id: ".*", want: `up{u =~ "\\.\\*|x"}`},
		{in: `up{u!~'{unionId}'}`, id: "a|b", want: `up{u!~'a\\|b'}`},
		{in: "a # it's {x}\n + b{u=\"{unionId}\"}", id: "7", want: "a # it's {x}\n + b{u=\"7\"}"},
		{in: "label_replace(up, \"a\", `\\`, \"b\", \"{unionId}\")", id: "7", want: "label_replace(up, \"a\", `\\`, \"b\", \"7\")"},
		{in: `up{unionId}`, err: "outside a text in quotes"},
		{in: `up{u="x"} {unionId}`, err: "outside a text in quotes"},
		{in: "up{u=`{unionId}`}", err: "outside a text in quotes"},
		{in: "up # \"{unionId}\"", err: "outside a text in quotes"},
		{in: `up{u="x`, err: "without an end"},
	}
	for _, tt := range tests {
		got, err := parsePromText(tt.in)
		if tt.err != "" {
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("parsePromText(%q) = %v; want an error with %q", tt.in, err, tt.err)
			}
			continue
		}
		if err != nil || got.fill(tt.id) != tt.want || got.perUser() != strings.Contains(tt.in, unionIDPlace) {
			t.Errorf("parsePromText(%q): %v, fill(%q) = %q; want %q", tt.in, err, tt.id, got.fill(tt.id), tt.want)
		}
	}
}

// quoted is one text in quotes and nothing after it.
var quoted = regexp.MustCompile(`^(?s:"(?:[^"\\\n]|\\[\\"n])*")$`)

func FuzzPromText(f *testing.F) {
	for _, id := range hostileIDs {
		f.Add(id)
	}
	equal, err := parsePromText(`"{unionId}"`)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, id string) {
		if got := equal.fill(id); !quoted.MatchString(got) {
			t.Errorf("fill(%q) = %q; want one text in quotes", id, got)
		}
	})
}

func TestPromSelector(t *testing.T) {
	labels := model.Metric{"__name__": "up", "job": "a\"b", "zone": "eu-1", "user": "7"}
	tests := []struct {
		in    string
		takes bool
		err   string
	}{
		{in: "", takes: true},
		{in: " up ", takes: true},
		{in: "down"},
		{in: "{}", takes: true},
		{in: `up{}`, takes: true},
		{in: `{job="a\"b"}`, takes: true},
		{in: `{job='a"b',}`, takes: true},
		{in: `up{job="a"}`},
		{in: `up { zone =~ "eu-.*" , job != "x" }`, takes: true},
		{in: `up{zone=~"eu"}`},
		{in: `up{zone!~"us-.*"}`, takes: true},
		{in: `up{zone!~"eu-.*"}`},
		{in: `up{none=""}`, takes: true},
		{in: `up{none!=""}`},
		{in: `up{__name__=~"u.",user="{unionId}"}`, takes: true},
		{in: `up{user!="{unionId}"}`},
		{in: `up{user=~"{unionId}"}`, err: "is for = and !="},
		{in: `up{zone=~"("}`, err: "missing closing"},
		{in: `up{zone="a"} > 0`, err: "no selector"},
		{in: `up{zone}`, err: "no selector"},
		{in: `up{zone="a" job="b"}`, err: "no selector"},
		{in: `up{`, err: "no selector"},
		{in: `rate(up[5m])`, err: "no selector"},
		{in: "up{a=\"\xff\"}", err: "no selector"},
	}
	for _, tt := range tests {
		p, err := parsePromSelector(tt.in)
		if tt.err != "" {
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("parsePromSelector(%q) = %v; want an error with %q", tt.in, err, tt.err)
			}
			continue
		}
		if err != nil || p.takes(labels, "7") != tt.takes || p.perUser() != strings.Contains(tt.in, unionIDPlace) {
			t.Errorf("parsePromSelector(%q): %v, takes %v; want %v", tt.in, err, p.takes(labels, "7"), tt.takes)
		}
	}
	for _, id := range hostileIDs {
		p, err := parsePromSelector(`up{user="{unionId}"}`)
		if err != nil || p.takes(labels, id) != (id == "7") {
			t.Errorf("takes(%q) = %v, %v; want only 7 to be taken", id, id != "7", err)
		}
	}
}

func FuzzPromSelector(f *testing.F) {
	for _, s := range []string{`up{a="b",c!~'d'}`, "up", "{", `{a="\\"}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := parsePromSelector(s)
		if err == nil && p != nil {
			_ = fmt.Sprint(p.takes(model.Metric{"__name__": "up"}, s), p.perUser())
		}
	})
}
