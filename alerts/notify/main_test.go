package notify

import (
	"errors"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/pulsewall/pulsewall/alerts"
	"github.com/pulsewall/pulsewall/feeds"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// raised is an event as the engine makes them.
func raised() alerts.Event {
	value, at := 93.5, time.Date(2026, 11, 22, 21, 4, 11, 500e6, time.UTC)
	return alerts.Event{
		ID: "0a1b2c3d4e5f6071-t3k9z-1", Change: alerts.Raised, Time: at,
		Alert: alerts.Alert{
			ID: "0a1b2c3d4e5f6071-t3k9z", Feed: "rooms", Record: "boiler-1", Label: "Boiler 1 Süd", Field: "value", Value: &value, Bound: 90,
			Unit: "°C", State: alerts.Crit, Since: at.Add(-time.Minute), Raised: at,
		},
	}
}

// checkOption wants a mistake in one option.
func checkOption(t *testing.T, name string, err error, key, problem string) {
	t.Helper()
	var wrong *feeds.OptionError
	if !errors.As(err, &wrong) || wrong.Key != key || !strings.Contains(wrong.Problem, problem) {
		t.Errorf("%s: %v; want %s: …%s…", name, err, key, problem)
	}
}

// temporary wants an error that is worth trying again.
func temporary(t *testing.T, err error, says string) {
	t.Helper()
	if err == nil || alerts.IsPermanent(err) || !strings.Contains(err.Error(), says) {
		t.Errorf("Notify = %v (permanent: %v); want %q, to be tried again", err, alerts.IsPermanent(err), says)
	}
}
