package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/history"
)

// TestRestartKeepsHistory sees the points of a first run in the charts of a second.
func TestRestartKeepsHistory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "here")
	const sub = "/api/readings?sub=sensors/-/1/3"
	first := launch(t, "--data-dir", dir, "--interval", "1s")
	_, _ = get(t, http.DefaultClient, first.url+sub)
	if code, _ := first.exit(); code != 0 {
		t.Fatalf("exit = %d\n%s", code, first.log)
	}
	first.log.wait(t, `msg="history opened".*history\.db`)
	before := time.Now().Add(-30 * time.Minute)
	written := addPast(t, dir, "sensors/-/1/3", before)
	second := launch(t, "--data-dir", dir, "--interval", "1s")
	_, body := get(t, http.DefaultClient, second.url+sub)
	var reading struct{ Points map[string][][2]float64 }
	if err := json.Unmarshal([]byte(body), &reading); err != nil {
		t.Fatal(err)
	}
	for _, series := range written {
		points := reading.Points[series]
		if len(points) < 2 || points[0][0] > float64(before.UnixMilli()) || points[0][1] != 7 {
			t.Errorf("series %s has %v; want the point of half an hour ago too", series, points)
		}
	}
	if len(written) != 3 {
		t.Errorf("the first run wrote %v; want 3 series", written)
	}
}

// addPast adds a moment to the history of a program that has ended, for each series that it wrote, and returns these.
func addPast(t *testing.T, dir, sub string, at time.Time) (written []string) {
	t.Helper()
	store, err := history.Open(dir, history.Options{})
	if err != nil {
		t.Fatal(err)
	}
	span, err := history.Plan(time.Now(), at, time.Now(), history.Width)
	if err != nil {
		t.Fatal(err)
	}
	block, err := store.Range(sub, span)
	if err != nil {
		t.Fatal(err)
	}
	values := make(map[string]float64)
	for series := range block {
		written = append(written, series)
		values[series] = 7
	}
	store.Add(sub, at, values)
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	return written
}

func TestDataDirRefusals(t *testing.T) {
	dir := t.TempDir()
	launch(t, "--data-dir", dir)
	code, _, stderr := invoke(t, nil, "--listen", "127.0.0.1:0", "--data-dir", dir)
	if want := "another process has the file open: give each process a --data-dir of its own"; code != 1 || !strings.Contains(stderr, want) {
		t.Errorf("a second process on one directory = %d, %s; want 1, %s", code, stderr, want)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	code, _, stderr = invoke(t, nil, "--listen", "127.0.0.1:0", "--data-dir", filepath.Join(file, "below"))
	if want := "--data-dir " + filepath.Join(file, "below") + ": "; code != 1 || !strings.Contains(stderr, want) {
		t.Errorf("a directory that cannot be made = %d, %s; want 1, %s", code, stderr, want)
	}
	for _, size := range []string{"15MiB", "2TiB", "1GB", "-1GiB", "x", "1e400GiB"} {
		writeConfig(t, "history: {maxSize: "+size+"}\n")
		if code, _, stderr := invoke(t, nil, "config", "check", "--config", "wall.yaml"); code != 2 || !strings.Contains(stderr, "allowed: 16MiB to 1TiB") {
			t.Errorf("maxSize %s = %d, %s; want 2", size, code, stderr)
		}
	}
	for _, size := range []string{"16MiB", "512MiB", "1GiB", "1TiB"} {
		writeConfig(t, "dataDir: off\nhistory: {maxSize: "+size+"}\n")
		if _, printed, _ := invoke(t, nil, "config", "print", "--config", "wall.yaml"); !regexp.MustCompile(`(?m)^dataDir: "?off"?\nhistory:\n  maxSize: ` + size + `$`).MatchString(printed) {
			t.Errorf("maxSize %s is printed as\n%s", size, printed)
		}
	}
}

func TestUserDataDir(t *testing.T) {
	tests := []struct{ env, system, want string }{
		{"HOME=/home/ann", "linux", "/home/ann/.local/state/pulsewall"},
		{"HOME=/home/ann,XDG_STATE_HOME=/var/state", "linux", "/var/state/pulsewall"},
		{"HOME=/home/ann,XDG_STATE_HOME=state", "freebsd", "/home/ann/.local/state/pulsewall"},
		{"HOME=/Users/ann,XDG_STATE_HOME=/x", "darwin", "/Users/ann/Library/Application Support/pulsewall"},
		{"", "linux", ""},
		{"", "windows", ""},
	}
	for _, tt := range tests {
		if got := userDataDir(strings.Split(tt.env, ","), tt.system); got != tt.want {
			t.Errorf("userDataDir(%s, %s) = %q; want %q", tt.env, tt.system, got, tt.want)
		}
	}
}

// TestDefaultDirectoryMayFail goes on without a history where nobody asked for one.
func TestDefaultDirectoryMayFail(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	log := newLogged()
	cfg, err := effective(command{flags: flags{}})
	if err != nil {
		t.Fatal(err)
	}
	for _, env := range [][]string{{"XDG_STATE_HOME=" + file, "HOME=" + file, "LocalAppData=" + file}, nil} {
		store, err := openHistory(cfg, env, newLogger(logConfig{}, log))
		if store != nil || err != nil {
			t.Errorf("openHistory = %v, %v; want neither", store, err)
		}
	}
	for _, want := range []string{"the directory cannot be used", "this user has no directory"} {
		log.wait(t, "level=WARN.*"+want)
	}
}
