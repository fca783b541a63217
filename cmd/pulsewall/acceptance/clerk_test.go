package acceptance

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/dashboard"
	"github.com/pulsewall/pulsewall/feeds"
	"github.com/pulsewall/pulsewall/transport/client"
)

// TestClerk runs the Go program that docs/clients.md shows: it gets a reading, answers in its room, and ends when told to.
func TestClerk(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../../../docs/clients.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(doc), "```go\n")
	source, _, ended := strings.Cut(rest, "```\n")
	if !found || !ended {
		t.Fatal("docs/clients.md shows no Go program")
	}
	dir := t.TempDir()
	file, path := filepath.Join(dir, "main.go"), filepath.Join(dir, "clerk")
	if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("go", "build", "-o", path, file).CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	s := newSite(t, dashboard.Options{
		Node:   "north",
		Feeds:  []feeds.Feed{{Name: "stocks", Source: &counter{whole: true, rows: 25}, Interval: time.Second}},
		Boards: []dashboard.Board{{Name: "d", Title: "D", Panels: []dashboard.Panel{{Name: "c", Title: "C", Feed: "stocks"}}}},
	})
	out := &tail{}
	clerk := exec.Command(path, s.URL)
	clerk.Stdout, clerk.Stderr = out, out
	if err := clerk.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if clerk.ProcessState == nil {
			_ = clerk.Process.Kill()
			_ = clerk.Wait()
		}
	})
	prints := func(text string) {
		t.Helper()
		eventually(t, time.Minute, func() error {
			if !strings.Contains(out.String(), text) {
				return &missing{text, out.String()}
			}
			return nil
		})
	}
	prints("connected to north\n")
	prints("stocks/-/1/5 has 25 records, read at ")
	ann := client.New(client.Options{URL: s.URL, UnionID: "1", Name: "Ann"})
	if _, err := ann.Send(t.Context(), client.To{Room: "lobby"}, "coffee?"); err != nil {
		t.Fatal(err)
	}
	prints(`Ann says "coffee?"`)
	prints("answered 1 people\n")
	prints(`Clerk says "in five minutes"`)
	if err := clerk.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := clerk.Wait(); err != nil {
		t.Errorf("it ended with %v and had printed\n%s", err, out)
	}
}

// missing is a text that was not printed.
type missing struct{ text, printed string }

func (m *missing) Error() string { return "it has not printed " + m.text + " but " + m.printed }
