package main

import (
	"strings"
	"testing"
)

// TestPanelColumns lets a panel name columns of a feed that lists none, and the state that thresholds add.
func TestPanelColumns(t *testing.T) {
	writeConfig(t, `feeds:
  - { name: open, http: { url: "http://h/" } }
  - name: judged
    http: { url: "http://h/" }
    id: a
    values: [b]
    fields: [a, { name: b, type: number }]
    thresholds: [{ field: b, warn: 1 }]
dashboards:
  - { name: main, panels: [{ feed: open, fields: [whatever] }, { feed: judged, fields: [a, state] }] }
`)
	for _, args := range [][]string{{"config", "check"}, {"config", "print"}} {
		if code, stdout, stderr := invoke(t, nil, append(args, "--config", "wall.yaml")...); code != 0 {
			t.Errorf("%v = %d, %s%s", args, code, stdout, stderr)
		}
	}
}

// TestMistakeOfAFeedIsToldOnce wants no second mistake from what names a feed that is there and has one.
func TestMistakeOfAFeedIsToldOnce(t *testing.T) {
	writeConfig(t, `msgFeed: a
feeds:
  - { name: a, sql: { url: "postgres://u:p w@h/d", query: SELECT 1 } }
  - { name: b, kind: nothing }
dashboards:
  - { name: main, panels: [{ feed: a }, { feed: b }, { feed: c }] }
`)
	code, _, stderr := invoke(t, nil, "config", "check", "--config", "wall.yaml")
	if code != 2 || !strings.HasPrefix(stderr, "pulsewall: 3 mistakes") {
		t.Errorf("config check = %d, %s; want 3 mistakes: that of a, that of b, and no feed c", code, stderr)
	}
	if want := `panels[2].feed: "c" is unknown or disabled; allowed: a, b, host,`; !strings.Contains(stderr, want) {
		t.Errorf("config check says %s; want %s", stderr, want)
	}
}

// TestEmptyBlockNamesTheSources wants sources named where one is missing.
func TestEmptyBlockNamesTheSources(t *testing.T) {
	writeConfig(t, "feeds:\n  - name: a\n    sql:\n")
	code, _, stderr := invoke(t, nil, "config", "check", "--config", "wall.yaml")
	if want := "or in its place a source of its own: http, prometheus, file, sql, redis, mqtt, push"; code != 2 || !strings.Contains(stderr, want) {
		t.Errorf("config check = %d, %s; want %s", code, stderr, want)
	}
}
