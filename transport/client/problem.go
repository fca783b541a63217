package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"mime"
	"net/http"
	"strconv"
	"time"

	"github.com/pulsewall/pulsewall/transport/wsconn"
)

// Problem is a refusal (RFC 9457). Those that asking again will not change end the events, or are returned by what they refuse.
type Problem struct {
	Status int    `json:"status"`
	Title  string `json:"title"`
	Detail string `json:"detail"` // what was wrong, the value seen, what is allowed

	// RetryAfter is how long the server asks to stay away, an hour at most; negative where it does not say.
	RetryAfter time.Duration `json:"-"`

	spoken bool // by a pulsewall, and not by something in between
}

func (p *Problem) Error() string {
	if p.Detail == "" {
		return fmt.Sprintf("%d %s", p.Status, http.StatusText(p.Status))
	}
	return fmt.Sprintf("%d %s: %s", p.Status, http.StatusText(p.Status), p.Detail)
}

// final says whether asking again will not change it.
func (p *Problem) final() bool {
	switch p.Status {
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusConflict,
		http.StatusRequestEntityTooLarge, http.StatusUpgradeRequired:
		return p.spoken
	}
	return false
}

// Closed is how the server ended a WebSocket for good: 4400, 4401 (the token ended) or 4403 (a right was withdrawn). With a new token in
// Options.Header another client may go on from this one's Cursor.
type Closed struct{ Code int }

func (c *Closed) Error() string {
	return fmt.Sprintf("closed for good with %d, %s", c.Code, map[int]string{
		wsconn.WrongFrames: "too many wrong frames", wsconn.TokenEnded: "the token ended", wsconn.Withdrawn: "a right was withdrawn",
	}[c.Code])
}

// mostRefusal is how much of a refusal, or of the answer to a message, is read, in bytes.
const mostRefusal = 64 << 10

// refusal reads why a response is not what was asked for. It does not close the body.
func refusal(resp *http.Response) *Problem {
	p := &Problem{RetryAfter: retryAfter(resp.Header)}
	body, _ := io.ReadAll(io.LimitReader(resp.Body, mostRefusal)) // what there is of it
	if kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); kind == "application/problem+json" {
		p.spoken = json.Unmarshal(body, p) == nil
	}
	p.Status = resp.StatusCode
	return p
}

// retryAfter reads seconds or a date; negative: none.
func retryAfter(h http.Header) time.Duration {
	text := h.Get("Retry-After")
	if seconds, err := strconv.Atoi(text); err == nil && seconds >= 0 {
		return min(time.Duration(min(seconds, math.MaxInt32))*time.Second, stayLongest)
	}
	if at, err := http.ParseTime(text); err == nil {
		return min(max(time.Until(at), 0), stayLongest)
	}
	return -1
}

// Why a connection ended, where neither the server nor the network said so.
var (
	errBye     = errors.New("the server is leaving")
	errNoHello = errors.New("no hello in time")
	errSilent  = errors.New("silent for too long")
	errHeld    = errors.New("readings or messages were held back")
	errBehind  = errors.New("too much came before the answer to a request")
	errLost    = errors.New("the connection ended")
	errNoWay   = errors.New("this transport has no way up")
	errReopen  = errors.New("opened anew for another query or transport")
)
