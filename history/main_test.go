package history

import (
	"log/slog"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(writerVariable); dir != "" {
		writeUntilKilled(dir)
	}
	goleak.VerifyTestMain(m)
}

// noon is when the tests begin.
var noon = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

// open opens a store whose clock is what now says.
func open(t *testing.T, dir string, now *time.Time, most int64) *Store {
	t.Helper()
	s, err := Open(dir, Options{MaxSize: most, Now: func() time.Time { return *now }, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatalf("Open = %v", err)
	}
	t.Cleanup(func() { _ = s.Close() }) // a second time, as a rule
	return s
}

// ask returns what is known of sub in a span.
func ask(t *testing.T, s *Store, sub string, from, to time.Time, step time.Duration) Block {
	t.Helper()
	span, err := Plan(s.opts.Now(), from, to, step)
	if err != nil {
		t.Fatalf("Plan = %v", err)
	}
	b, err := s.Range(sub, span)
	if err != nil {
		t.Fatalf("Range = %v", err)
	}
	return b
}

// must fails the test when a step of its preparation did.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
