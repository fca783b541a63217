package main

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
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
	cut := t.TempDir()
	store, err := history.Open(cut, history.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(store.Close(), os.Truncate(filepath.Join(cut, history.FileName), 2*int64(os.Getpagesize()))); err != nil {
		t.Fatal(err)
	}
	code, _, stderr = invoke(t, nil, "--listen", "127.0.0.1:0", "--data-dir", cut)
	if want := "the file cannot be read: a page is beyond its end; move it away to begin anew"; code != 1 || !strings.Contains(stderr, want) {
		t.Errorf("a file that was cut short = %d, %s; want 1, %s", code, stderr, want)
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

// TestRestartKeepsMessages goes on with a cursor of a first run in a second: what came after it, and nothing else; a repeat is still one.
func TestRestartKeepsMessages(t *testing.T) {
	dir := t.TempDir()
	first := launch(t, "--data-dir", dir)
	one := post(t, first.url, "one")
	_, body := get(t, http.DefaultClient, first.url+"/api/messages?after=earliest")
	cursor := regexp.MustCompile(`"nextCursor":"([^"]+)"`).FindStringSubmatch(body)[1]
	two := post(t, first.url, "two")
	if code, _ := first.exit(); code != 0 {
		t.Fatalf("exit = %d\n%s", code, first.log)
	}
	second := launch(t, "--data-dir", dir)
	if again := post(t, second.url, "one"); again != one {
		t.Errorf("a repeat after a restart is %s; want %s", again, one)
	}
	three := post(t, second.url, "three")
	_, body = get(t, http.DefaultClient, second.url+"/api/messages?after="+cursor)
	if got := ids(body); !slices.Equal(got, []string{two, three}) || strings.Contains(body, `"reset"`) {
		t.Errorf("after %s come %v; want %s and %s, without a reset: %s", cursor, got, two, three, body)
	}
}

// TestKillKeepsMessages kills the program while messages are posted: every one that it took is there when it is back. 50 times with PULSEWALL_LONG.
func TestKillKeepsMessages(t *testing.T) {
	rounds := 2
	if os.Getenv("PULSEWALL_LONG") != "" {
		rounds = 50
	}
	dir := t.TempDir()
	taken := make(map[string]bool)
	for range rounds {
		cmd, log := process(t, "--data-dir", dir)
		url := log.wait(t, listeningURL)
		there := allIDs(t, url)
		for id := range taken {
			if !slices.Contains(there, id) {
				t.Fatalf("message %s was taken and is not there", id)
			}
		}
		var posting sync.WaitGroup
		var mu sync.Mutex
		count := 0 // guarded by mu, like taken
		for range 4 {
			posting.Go(func() {
				for {
					id, err := try(url, rand.Text())
					if err != nil {
						return // it was killed
					}
					mu.Lock()
					taken[id] = true
					if count++; count == 20 {
						_ = cmd.Process.Kill()
					}
					mu.Unlock()
				}
			})
		}
		posting.Wait()
		_ = cmd.Wait() // it was killed
	}
	if len(taken) < 20*rounds {
		t.Errorf("%d messages were taken; want %d or more", len(taken), 20*rounds)
	}
}

// post sends a message with a key to all and returns its id.
func post(t *testing.T, url, key string) string {
	t.Helper()
	id, err := try(url, key)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func try(url, key string) (id string, err error) {
	res, err := http.Post(url+"/api/messages", "application/json", strings.NewReader(`{"to":{"all":true},"data":1,"unionId":7,"key":"`+key+`"}`))
	if err != nil {
		return "", err
	}
	defer func() { _ = res.Body.Close() }()
	var receipt struct{ ID string }
	if err := json.NewDecoder(res.Body).Decode(&receipt); err != nil || res.StatusCode != http.StatusAccepted {
		return "", fmt.Errorf("posting %s: %s, %w", key, res.Status, err)
	}
	return receipt.ID, nil
}

// allIDs are those of all messages that are kept.
func allIDs(t *testing.T, url string) (list []string) {
	t.Helper()
	for cursor := "earliest"; ; {
		_, body := get(t, http.DefaultClient, url+"/api/messages?limit=1000&after="+cursor)
		page := ids(body)
		if len(page) == 0 {
			return list
		}
		list = append(list, page...)
		cursor = regexp.MustCompile(`"nextCursor":"([^"]+)"`).FindStringSubmatch(body)[1]
	}
}

// ids are those of the messages in an answer.
func ids(body string) (list []string) {
	for _, m := range regexp.MustCompile(`"id":"([^"]+)"`).FindAllStringSubmatch(body, -1) {
		list = append(list, m[1])
	}
	return list
}
