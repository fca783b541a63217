package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// invoke runs the program to its end and returns what it wrote.
func invoke(t *testing.T, env []string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, env, &out, &errs)
	return code, out.String(), errs.String()
}

// writeConfig writes a configuration file into a folder that is the current one until the test ends.
func writeConfig(t *testing.T, text string) {
	t.Helper()
	t.Chdir(t.TempDir())
	if err := os.WriteFile("wall.yaml", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestMistakesInFile(t *testing.T) {
	tests := []struct {
		name, yaml, want string
	}{
		{"unknown key", "listn: x\n",
			`wall.yaml:1:1: unknown key "listn"; allowed: listen, interval, node, cluster, nodeSecret, nodeAddress, strictReady, origins, trustedProxies, tls, auth, insecure, dataDir, history, log, olderClients, msgFeed, limits, feeds, alerts, dashboards`},
		{"unknown key deep", "feeds:\n  - name: host\n    intervall: 5s\n",
			`wall.yaml:3:5: feeds[0]: unknown key "intervall"; allowed: name, kind, enabled, interval, maxAge, timeField, seed`},
		{"address", "listen: 7000\n",
			`wall.yaml:1:9: listen: "7000" is not an address; allowed: host:port, such as 127.0.0.1:7000 or [::1]:7000`},
		{"port", "listen: \"127.0.0.1:70000\"\n",
			`wall.yaml:1:9: listen: "127.0.0.1:70000" has no such port; allowed: 0 (a free one) to 65535`},
		{"interval without unit", "interval: 5\n",
			`wall.yaml:1:11: interval: "5" is not a duration; allowed: 1s to 1h, written like 10s or 5m`},
		{"interval too short", "feeds:\n  - {name: host, interval: 500ms}\n",
			`wall.yaml:2:28: feeds[0].interval: "500ms" is out of bounds; allowed: 1s to 1h`},
		{"maxAge", "feeds:\n  - {name: host, maxAge: -1s}\n",
			`wall.yaml:2:26: feeds[0].maxAge: "-1s" is out of bounds; allowed: 0s (no limit) to 1000h`},
		{"origin", "origins:\n  - https://wall.example\n  - https://wall.example/path\n",
			`wall.yaml:3:5: origins[1]: "https://wall.example/path" is not an origin; allowed: scheme://host or scheme://host:port without a path, such as https://wall.example, or null`},
		{"proxy", "trustedProxies: [10.0.0.1, 10.0.0.1/8]\n",
			`wall.yaml:1:28: trustedProxies[1]: "10.0.0.1/8" has bits beyond its length; allowed: 10.0.0.0/8, or an address alone`},
		{"limit", "limits:\n  polls: 0\n",
			`wall.yaml:2:10: limits.polls: "0" is not a limit; allowed: a whole number from 1 to 1000000000`},
		{"level", "log: {level: loud}\n",
			`wall.yaml:1:14: log.level: "loud" is unknown; allowed: debug, info, warn, error`},
		{"value for mapping", "log: text\n",
			`wall.yaml:1:6: log: "text" stands where keys are expected; allowed: level, format`},
		{"mapping for list", "feeds:\n  host:\n    interval: 5s\n",
			`wall.yaml:2:3: feeds: a mapping stands where a list is expected; allowed: [a, b], or one line each beginning with -`},
		{"list for value", "listen: [a, b]\n",
			`wall.yaml:1:9: listen: a list stands where one value is expected`},
		{"bool", "feeds:\n  - {name: host, enabled: maybe}\n",
			`wall.yaml:2:27: feeds[0].enabled: "maybe" is unknown; allowed: true, false`},
		{"number", "feeds:\n  - {name: sensors, seed: many}\n",
			`wall.yaml:2:27: feeds[0].seed: "many" is not a number; allowed: a whole number from 0`},
		{"syntax", "feeds:\n  - name: host\n interval: 5s\n",
			`wall.yaml:3:2: value is not allowed in this context`},
		{"key twice", "listen: \"127.0.0.1:0\"\nlisten: \"127.0.0.1:1\"\n",
			`wall.yaml:2:1: mapping key "listen" already defined at [1:1]`},
		{"two documents", "listen: \"127.0.0.1:0\"\n---\nlisten: \"127.0.0.1:1\"\n",
			`wall.yaml:3:1: a second document; allowed: one`},
		{"feed name", "feeds:\n  - name: a b\n",
			`wall.yaml:2:11: feeds[0].name: "a b" is not a name; allowed: 1 to 64 of A-Z a-z 0-9 . _ -`},
		{"feed without name", "feeds:\n  - interval: 5s\n",
			`wall.yaml:2:5: feeds[0]: a feed without a name`},
		{"feed without kind", "feeds:\n  - name: rack2\n    seed: 7\n",
			`wall.yaml:2:5: feeds[0]: "rack2" is not a built-in feed and needs a kind; allowed: host, processes, sensors, stocks, weather`},
		{"kind", "feeds:\n  - name: rack2\n    kind: sensor\n",
			`wall.yaml:3:11: feeds[0].kind: "sensor" is unknown; allowed: host, processes, sensors, stocks, weather`},
		{"kind of built-in", "feeds:\n  - name: host\n    kind: sensors\n",
			`wall.yaml:3:11: feeds[0].kind: "host" is built in and of kind host; another kind needs another name`},
		{"feed twice", "feeds:\n  - name: host\n  - name: host\n",
			`wall.yaml:3:11: feeds[1].name: feed "host" stands here a second time`},
		{"seed", "feeds:\n  - {name: host, seed: 3}\n",
			`wall.yaml:2:24: feeds[0].seed: kind host takes no seed; allowed for: sensors, stocks`},
		{"time field", "feeds:\n  - {name: processes, timeField: when}\n",
			`wall.yaml:2:34: feeds[0].timeField: kind processes has no field "when"; allowed: pid, command`},
		{"dashboards empty", "dashboards: []\n",
			`wall.yaml:1:13: dashboards: an empty list; allowed: at least one dashboard, or leave the key out for the built-in ones`},
		{"dashboard without panels", "dashboards:\n  - name: mine\n",
			`wall.yaml:2:5: dashboards[0].panels: dashboard "mine" has no panels; allowed: at least one`},
		{"dashboard twice", "dashboards:\n  - {name: a, panels: [{feed: host}]}\n  - {name: a, panels: [{feed: host}]}\n",
			`wall.yaml:3:12: dashboards[1].name: dashboard "a" stands here a second time`},
		{"panel twice", "dashboards:\n  - {name: a, panels: [{feed: host}, {feed: host}]}\n",
			`wall.yaml:2:39: dashboards[0].panels[1].name: panel "host" stands on this dashboard a second time; give it a name of its own`},
		{"panel without feed", "dashboards:\n  - {name: a, panels: [{name: p}]}\n",
			`wall.yaml:2:25: dashboards[0].panels[0]: a panel without a feed; allowed: host, processes, sensors, stocks, weather`},
		{"panel of no feed", "dashboards:\n  - {name: a, panels: [{feed: hosts}]}\n",
			`wall.yaml:2:31: dashboards[0].panels[0].feed: "hosts" is unknown or disabled; allowed: host, processes, sensors, stocks, weather`},
		{"panel of disabled feed", "feeds: [{name: stocks, enabled: false}]\ndashboards:\n  - {name: a, panels: [{feed: stocks}]}\n",
			`wall.yaml:3:31: dashboards[0].panels[0].feed: "stocks" is unknown or disabled; allowed: host, processes, sensors, weather`},
		{"view", "dashboards:\n  - {name: a, panels: [{feed: host, view: pie}]}\n",
			`wall.yaml:2:43: dashboards[0].panels[0].view: "pie" is unknown; allowed: table, tiles, chart`},
		{"size", "dashboards:\n  - {name: a, panels: [{feed: host, size: 501}]}\n",
			`wall.yaml:2:43: dashboards[0].panels[0].size: 501 is too many; allowed: 1 to 500`},
		{"parameter", "dashboards:\n  - name: a\n    panels:\n      - feed: sensors\n        params: {colour: red}\n",
			`wall.yaml:5:26: dashboards[0].panels[0].params.colour: feed sensors has no such parameter; allowed: kind, location`},
		{"node of a feed", "dashboards:\n  - {name: a, panels: [{feed: weather@x}]}\n",
			`wall.yaml:2:31: dashboards[0].panels[0].feed: "weather@x": only a feed of the machine itself takes @ and the name of a node`},
		{"all feeds off", "feeds:\n" + disabled("host", "processes", "weather", "sensors", "stocks"),
			`wall.yaml:2:3: feeds: every feed is disabled; allowed: at least one enabled`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			writeConfig(t, tt.yaml)
			code, stdout, stderr := invoke(t, nil, "--config", "wall.yaml", "config", "check")
			if !strings.HasPrefix(stderr, "pulsewall: "+tt.want) || code != 2 || stdout != "" {
				t.Errorf("config check = %d\n got %s\nwant pulsewall: %s", code, stderr, tt.want)
			}
		})
	}
}

func disabled(names ...string) string {
	var out strings.Builder
	for _, n := range names {
		out.WriteString("  - {name: " + n + ", enabled: false}\n")
	}
	return out.String()
}

func TestAllMistakesAtOnce(t *testing.T) {
	writeConfig(t, "interval: 2h\nfeeds:\n  - name: host\n    colour: red\nlisten: x\n")
	want := `pulsewall: 3 mistakes in the configuration
  wall.yaml:1:11: interval: "2h" is out of bounds; allowed: 1s to 1h
  wall.yaml:4:5: feeds[0]: unknown key "colour"; allowed: name, kind, enabled, interval, maxAge, timeField, seed, unionId, minGap, thresholds, alerts, alertFor, http, prometheus, file, sql, redis, mqtt, push, title, id, label, values, unit, time, status, filters, fields
  wall.yaml:5:9: listen: "x" is not an address; allowed: host:port, such as 127.0.0.1:7000 or [::1]:7000
`
	if code, _, stderr := invoke(t, nil, "--config", "wall.yaml"); stderr != want || code != 2 {
		t.Errorf("serve = %d, difference of messages:\n%s", code, cmp.Diff(want, stderr))
	}
}

func TestMissingFile(t *testing.T) {
	t.Chdir(t.TempDir())
	code, _, stderr := invoke(t, []string{"PULSEWALL_CONFIG=none.yaml"}, "config", "check")
	if want := "pulsewall: configuration: open none.yaml: no such file or directory\n"; code != 2 || stderr != want {
		t.Errorf("config check = %d, %q; want 2, %q", code, stderr, want)
	}
}

func TestPrecedence(t *testing.T) {
	writeConfig(t, "listen: \"127.0.0.1:1\"\nnode: file\ninterval: 3s\nlog: {level: warn}\nfeeds:\n  - {name: host, interval: 4s}\n")
	env := []string{"PULSEWALL_NODE=env", "PULSEWALL_LOG_LEVEL=debug", "PULSEWALL_ORIGIN=https://a.example,null", "PULSEWALL_CONFIG=wall.yaml", "PULSEWALL_LISTEN="}
	_, printed, stderr := invoke(t, env, "config", "print", "--node", "flag")
	for _, want := range []string{"listen: 127.0.0.1:1\n", "node: flag\n", "level: debug\n", "format: text\n", "origins:\n  - https://a.example\n  - \"null\"\n",
		"name: host\n    kind: host\n    interval: 4s\n", "name: processes\n    kind: processes\n    interval: 3s\n"} {
		if !strings.Contains(printed, want) {
			t.Errorf("config print has no %q in\n%s%s", want, printed, stderr)
		}
	}
	_, printed, _ = invoke(t, env, "config", "print", "--interval", "7s")
	if strings.Count(printed, "    interval: 7s\n") != 5 {
		t.Errorf("config print --interval 7s does not change every feed:\n%s", printed)
	}
}

func TestPrintReadsBackTheSame(t *testing.T) {
	example, err := os.ReadFile("../../docs/example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, in := range []string{"", string(example)} {
		writeConfig(t, in)
		code, printed, stderr := invoke(t, nil, "config", "print", "--config", "wall.yaml")
		if code != 0 {
			t.Fatalf("config print = %d, %s", code, stderr)
		}
		writeConfig(t, printed)
		code, again, stderr := invoke(t, nil, "config", "print", "--config", "wall.yaml")
		if code != 0 || again != printed {
			t.Errorf("config print of what it printed = %d, %s\n%s", code, stderr, cmp.Diff(printed, again))
		}
	}
}

func TestExampleIsRight(t *testing.T) {
	path := filepath.Join("..", "..", "docs", "example.yaml")
	code, stdout, stderr := invoke(t, nil, "config", "check", "--config", path)
	if code != 0 || !strings.Contains(stdout, ": ok, ") {
		t.Errorf("config check of docs/example.yaml = %d, %s%s", code, stdout, stderr)
	}
}

func FuzzConfig(f *testing.F) {
	f.Add("listen: 127.0.0.1:0\nfeeds:\n  - &a {name: rack2, kind: sensors, seed: 7}\n  - <<: *a\n    name: rack3\n")
	f.Add("dashboards:\n  - name: a\n    panels: [{feed: host, params: {group: cpu}, fields: [label]}]\n")
	f.Add("log:\nlimits: null\nfeeds:\n")
	f.Add("origins: [null, ~, \"null\"]\ntrustedProxies: !!seq [::1]\n? a\n: b\n")
	f.Fuzz(func(t *testing.T, text string) {
		cfg := config{}
		in := &file{name: "wall.yaml", places: make(places)}
		if err := in.decode([]byte(text), &cfg); err != nil {
			return // refused: fine, as long as nothing panics
		}
		cfg.resolveFeeds(in)
		cfg.resolveBoards(in)
		_ = in.err() // likewise
	})
}
