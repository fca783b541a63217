package notify

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/pulsewall/pulsewall/alerts"
	"github.com/pulsewall/pulsewall/feeds"
)

const (
	// mostAnswer is how much of the body of an answer is read, in bytes.
	mostAnswer = 4 << 10
	// mostQuoted is how many characters of it an error quotes.
	mostQuoted = 200
)

// judge makes of an answer what the engine is to do: nil, it was taken; Permanent, it never will be; else try again.
func (w *Webhook) judge(resp *http.Response, now time.Time) error {
	code := resp.StatusCode
	if code/100 == 2 {
		return nil
	}
	text := fmt.Sprintf("%s answered %s", w.url.Host, strings.TrimSpace(strconv.Itoa(code)+" "+http.StatusText(code)))
	if code/100 == 3 {
		text += ": redirects are not followed, the url must be the address itself"
	} else if said := quote(resp.Body); said != "" {
		text += ": " + said
	}
	err := feeds.HideSecrets(errors.New(text), w.hide...)
	again := code == http.StatusRequestTimeout || code == http.StatusTooManyRequests || code >= 500
	if !again {
		return alerts.Permanent(err)
	}
	if wait := retryAfter(resp.Header.Get("Retry-After"), now); wait > 0 {
		return alerts.Later(err, wait)
	}
	return err
}

// retryAfter reads seconds or a date; 0: neither, or it has passed.
func retryAfter(s string, now time.Time) time.Duration {
	if n, err := strconv.ParseUint(s, 10, 31); err == nil {
		return time.Duration(n) * time.Second
	}
	at, err := http.ParseTime(s)
	if err != nil {
		return 0
	}
	return max(0, at.Sub(now))
}

// quote is the start of a body that is for people to read. A page is not.
func quote(body io.Reader) string {
	raw, _ := io.ReadAll(io.LimitReader(body, mostAnswer)) // what came counts
	text := oneLine(strings.ToValidUTF8(string(raw), " "), mostQuoted)
	if strings.HasPrefix(text, "<") {
		return ""
	}
	return text
}
