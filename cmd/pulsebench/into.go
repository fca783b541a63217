//go:build linux

package main

import (
	"fmt"
	"io"
	"os"
	"strings"
)

// tell prints what was measured, and puts it into a document if there is one: between the lines "<!-- begin mark -->" and
// "<!-- end mark -->", which stay.
func (f field) tell(stdout io.Writer, mark, text string) error {
	if _, err := io.WriteString(stdout, text); err != nil || f.Into == "" {
		return err
	}
	document, err := os.ReadFile(f.Into)
	if err != nil {
		return err
	}
	begin, end := "<!-- begin "+mark+" -->\n", "<!-- end "+mark+" -->"
	before, rest, ok := strings.Cut(string(document), begin)
	_, after, ended := strings.Cut(rest, end)
	if !ok || !ended {
		return fmt.Errorf("%s has no place for this: it lacks the lines %q and %q", f.Into, begin, end)
	}
	return os.WriteFile(f.Into, []byte(before+begin+"\n"+strings.TrimSpace(text)+"\n\n"+end+after), 0o600) // #nosec G703 -- the user's own
}
