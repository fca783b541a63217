package dashboard

import (
	"bufio"
	"net"
	"net/http"
)

// answer is a response that knows whether it has begun: until then it can still become a refusal.
type answer struct {
	http.ResponseWriter
	begun bool
}

// begun says whether w has begun.
func begun(w http.ResponseWriter) bool {
	a, ok := w.(*answer)
	return ok && a.begun
}

// Unwrap lets an http.ResponseController through.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

func (a *answer) WriteHeader(status int) {
	a.begun = a.begun || status == http.StatusSwitchingProtocols || status >= 200
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Write(p []byte) (int, error) {
	a.begun = true
	return a.ResponseWriter.Write(p)
}

// FlushError is how an http.ResponseController flushes.
func (a *answer) FlushError() error {
	a.begun = true
	return http.NewResponseController(a.ResponseWriter).Flush()
}

// Hijack is how an http.ResponseController takes the connection over.
func (a *answer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(a.ResponseWriter).Hijack()
	a.begun = a.begun || err == nil
	return conn, rw, err
}
