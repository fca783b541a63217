package views

import (
	"strings"
	"time"
)

// MessageView is a message as people see it. All of it is text, whatever its sender put into it.
type MessageView struct {
	ID            string
	UnionID, Name string // of the sender; may be empty
	At            time.Time
	Text          string
	Own           bool // the viewer sent it
	Chosen        bool // it is not for everybody in the room
}

// NoticesView are the newest messages to all, or to the viewer.
type NoticesView struct {
	Messages []MessageView
	Earlier  int // how many more there are
}

// sender is what to call who sent it; empty: nobody said.
func (m MessageView) sender() string {
	if m.Name == "" && m.UnionID != "" {
		return m.nameless()
	}
	return m.Name
}

// nameless is what to call a sender without a name.
func (m MessageView) nameless() string {
	if m.UnionID == "" {
		return text.Somebody
	}
	return fill(text.UserID, "id", m.UnionID)
}

// A text longer than this is folded: its head stands for it until somebody opens it. Lengths are those of JavaScript, as the script
// folds alike.
const (
	mostUnfolded      = 1000
	mostUnfoldedLines = 15
	headLength        = 300
	headLines         = 4
)

// folded is the beginning of a text that has to be folded, and how long all of it is; ok is false for one that need not be.
func folded(s string) (beginning string, length int, ok bool) {
	for _, r := range s {
		length += units(r)
	}
	if length <= mostUnfolded && strings.Count(s, "\n") < mostUnfoldedLines {
		return "", length, false
	}
	n, lines := 0, 1
	for i, r := range s {
		if r == '\n' {
			lines++
		}
		if n += units(r); n > headLength || lines > headLines {
			return s[:i] + "…", length, true
		}
	}
	return s, length, true
}

// units is how many of UTF-16 a character takes.
func units(r rune) int {
	if r > 0xffff {
		return 2
	}
	return 1
}
