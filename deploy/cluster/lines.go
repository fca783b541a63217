//go:build unix

package main

import (
	"bytes"
	"fmt"
	"io"
	"sync"
)

// lines writes what several processes print, each line whole and with the name of who printed it.
type lines struct {
	mu sync.Mutex
	to io.Writer // guarded by mu
}

func (l *lines) print(name, line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintf(l.to, "%-10s %s\n", name, line)
}

// of returns a writer for the process with the name. One goroutine uses it. each, if any, sees every line.
func (l *lines) of(name string, each func(line string)) io.Writer {
	return &lineWriter{l: l, name: name, each: each}
}

type lineWriter struct {
	l    *lines
	name string
	each func(string)
	rest []byte // of a line that has no end yet
}

// longestLine is where a line without an end is cut.
const longestLine = 64 << 10

func (w *lineWriter) Write(p []byte) (int, error) {
	w.rest = append(w.rest, p...)
	for {
		line, rest, found := bytes.Cut(w.rest, []byte{'\n'})
		if !found && len(line) < longestLine {
			return len(p), nil
		}
		w.rest = rest
		if w.each != nil {
			w.each(string(line))
		}
		w.l.print(w.name, string(line))
	}
}
