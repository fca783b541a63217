package notify

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/pulsewall/pulsewall/alerts"
	"github.com/pulsewall/pulsewall/feeds"
)

// wrong is what is the matter with an option. The error is a *feeds.OptionError.
func wrong(key, format string, args ...any) error {
	return &feeds.OptionError{Key: key, Problem: fmt.Sprintf(format, args...)}
}

var (
	namePattern = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)
	notInNames  = regexp.MustCompile(`[^A-Za-z0-9._-]+`)
)

// checkName returns the name that was given, or what becomes of another text where none was.
func checkName(given, otherwise string) (string, error) {
	if given == "" {
		given = notInNames.ReplaceAllString(otherwise, "-")
		given = given[:min(len(given), 64)]
	}
	if !namePattern.MatchString(given) {
		return "", wrong("name", "%q is not a name; allowed: 1 to 64 of A-Z a-z 0-9 . _ -", given)
	}
	return given, nil
}

// only are the feeds whose alerts are told; none: all are.
type only []string

func (o only) wants(e alerts.Event) bool {
	return len(o) == 0 || e.Change == Trial || slices.Contains(o, e.Alert.Feed)
}
