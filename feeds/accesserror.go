package feeds

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// maxRestIntervals is how many intervals a server may ask to be left alone, as many as the back-off has at most.
const maxRestIntervals = 5

// rest is how long a server asked to be left alone, by the Retry-After of a 429 or 503.
type rest struct {
	mu     sync.Mutex
	status string
	asked  time.Time
	until  time.Time // zero: it did not
}

// hear notes what an answer asks for.
func (r *rest) hear(resp *http.Response, now time.Time) {
	if resp.StatusCode != http.StatusTooManyRequests && resp.StatusCode != http.StatusServiceUnavailable {
		return
	}
	until, ok := retryAfter(resp.Header.Get("Retry-After"), now)
	if !ok {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status, r.asked, r.until = statusText(resp.StatusCode), now, until
}

// over is nil when the server may be asked again. What it asked for counts for 5 intervals at most.
func (r *rest) over(host string, interval time.Duration, now time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	until := r.until
	if interval > 0 {
		if last := r.asked.Add(maxRestIntervals * interval); last.Before(until) {
			until = last
		}
	}
	if !now.Before(until) {
		return nil
	}
	return fmt.Errorf("%s answered %s and asked to be left alone until %s", host, r.status, until.UTC().Format("15:04:05 UTC"))
}

// retryAfter reads seconds or a date.
func retryAfter(s string, now time.Time) (time.Time, bool) {
	if n, err := strconv.ParseUint(s, 10, 31); err == nil {
		return now.Add(time.Duration(n) * time.Second), true
	}
	at, err := http.ParseTime(s)
	return at, err == nil
}

func statusText(code int) string {
	text := http.StatusText(code)
	if text == "" {
		return strconv.Itoa(code)
	}
	return strconv.Itoa(code) + " " + text
}

// refusal says what an answer other than 2xx means, and what may help.
func (w *web) refusal(code int) error {
	advice := ""
	switch code {
	case http.StatusUnauthorized, http.StatusForbidden:
		advice = ": check headers, token, or user and password"
	case http.StatusNotFound, http.StatusGone, http.StatusMethodNotAllowed:
		advice = ": check the path of the url"
	case http.StatusTooManyRequests:
		advice = ": a longer interval asks less often"
	}
	return fmt.Errorf("%s answered %s%s", w.host, statusText(code), advice)
}

// explain makes of an error of the client one that says what to do, and tells neither the URL nor a secret.
func (w *web) explain(err error) error {
	var (
		outer *url.Error
		large *http.MaxBytesError
		dns   *net.DNSError
	)
	if errors.As(err, &outer) {
		err = outer.Err
	}
	if why := distrust(w.host, "ca", err); why != nil {
		return why
	}
	timeout := func() bool {
		var late net.Error
		return outer != nil && outer.Timeout() || errors.As(err, &late) && late.Timeout()
	}
	switch {
	case errors.Is(err, errRedirect):
		return fmt.Errorf("ask %s: %w", w.host, err)
	case errors.As(err, &large):
		return fmt.Errorf("the answer of %s has more than %d bytes; ask for less, or raise maxBytes", w.host, large.Limit)
	case errors.Is(err, http.ErrSchemeMismatch):
		return fmt.Errorf("%s does not speak TLS; is it http in place of https?", w.host)
	case errors.As(err, &dns) && dns.IsNotFound:
		return fmt.Errorf("no host %s is known; check the url", dns.Name)
	case errors.Is(err, context.DeadlineExceeded) || timeout():
		return fmt.Errorf("%s did not answer in time", w.host)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("nobody listens at %s: connection refused", w.host)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		return fmt.Errorf("%s closed the connection before its answer was whole", w.host)
	}
	return fmt.Errorf("ask %s: %w", w.host, HideSecrets(err, w.hide...))
}
