package dashboard

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/pulsewall/pulsewall/auth"
	"github.com/pulsewall/pulsewall/feeds"
	"github.com/pulsewall/pulsewall/transport"
	"github.com/pulsewall/pulsewall/views"
)

// Problem is why a request was refused (RFC 9457). Detail says what was wrong, the value seen and what is allowed. Of one that Admit
// or Allow returns only Status (400–599), Detail and RetryAfter count.
type Problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`

	RetryAfter time.Duration `json:"-"` // said as Retry-After; 0: not

	reader string // an origin whose pages may read this problem, though no other answer; empty: none
}

func (p *Problem) Error() string { return p.Detail }

// refuse makes a problem of a status and a sentence.
func refuse(status int, format string, args ...any) *Problem {
	return &Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: fmt.Sprintf(format, args...)}
}

// after says when to come again.
func (p *Problem) after(d time.Duration) *Problem {
	p.RetryAfter = d
	return p
}

// statuses are what errors of the other packages mean to a client.
var statuses = []struct {
	err    error
	status int
	retry  time.Duration
}{
	{feeds.ErrUnknownFeed, http.StatusNotFound, 0},
	{feeds.ErrBadSubscription, http.StatusBadRequest, 0},
	{feeds.ErrBadUnionID, http.StatusBadRequest, 0},
	{feeds.ErrBadPush, http.StatusBadRequest, 0},
	{feeds.ErrTooManyPolls, http.StatusTooManyRequests, 30 * time.Second},
	{transport.ErrBadAddress, http.StatusBadRequest, 0},
	{auth.ErrBadToken, http.StatusUnauthorized, 0},
	{transport.ErrTokenEnded, http.StatusUnauthorized, 0},
	{transport.ErrWithdrawn, http.StatusForbidden, 0},
}

// errFailed is what a client is told of a mistake of this program.
var errFailed = refuse(http.StatusInternalServerError, "the server failed; its log says why")

// errLeaving refuses what would only be cut.
var errLeaving = refuse(http.StatusServiceUnavailable, "the server is leaving: come back in a moment").after(2 * time.Second)

// problem turns any error into what the client is told. What is not the client's doing is told without details.
func problem(err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return refuse(http.StatusRequestEntityTooLarge, "the body is larger than the %d bytes allowed", large.Limit)
	}
	for _, s := range statuses {
		if errors.Is(err, s.err) {
			return refuse(s.status, "%s", err).after(s.retry)
		}
	}
	if errors.Is(err, transport.ErrClosed) {
		return errLeaving
	}
	return errFailed
}

// refuse answers with why: as a page where a person asked for one, else as problem details.
func (d *Dashboard) refuse(w http.ResponseWriter, r *http.Request, err error) {
	if !wantsPage(r) {
		d.refuseProgram(w, r, err)
		return
	}
	p := d.refused(w, r, err)
	f := d.frame(p.Title, "")
	if d.opts.Auth != nil && signedInAs(r.Context()) == nil {
		f.Nav, f.Node = nil, "" // strangers are not told what there is
	}
	d.render(w, r, p.Status, views.ErrorPage(views.ErrorView{Frame: f, Status: p.Status, Detail: p.Detail, Degraded: d.cluster.State().Degraded}))
}

// refuseProgram answers with why as problem details, whoever asks. Pages of other sites may read these and no page: that has more on it.
func (d *Dashboard) refuseProgram(w http.ResponseWriter, r *http.Request, err error) {
	p := d.refused(w, r, err)
	if p.reader != "" {
		w.Header().Set("Access-Control-Allow-Origin", p.reader)
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	writeBody(w, p)
}

// refused counts and logs a refusal and sets the headers that every one has.
func (d *Dashboard) refused(w http.ResponseWriter, r *http.Request, err error) *Problem {
	p := problem(err)
	d.metrics.refused.WithLabelValues(strconv.Itoa(p.Status)).Inc()
	if p == errFailed && !errors.Is(err, errFailed) { // else it is logged already
		d.log.Error("request failed", "path", r.URL.Path, "err", err)
	} else {
		d.log.Debug("refused", "path", r.URL.Path, "status", p.Status, "err", err)
	}
	h := w.Header()
	if !strings.HasPrefix(h.Get("Cache-Control"), "no-store") {
		h.Set("Cache-Control", "no-store")
	}
	h.Del("ETag")
	if p.Status == http.StatusUnauthorized {
		d.challenge(h, err)
	}
	if p.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(p.RetryAfter.Seconds()))))
	}
	return p
}

// wantsPage says whether r is of a person with a browser.
func wantsPage(r *http.Request) bool {
	forPrograms := strings.HasPrefix(r.URL.Path, "/api/") || r.URL.Path == "/live" || strings.HasPrefix(r.URL.Path, "/live/")
	return (!forPrograms || isForm(r)) && accepts(r, "text/html")
}

// accepts says whether r names the media type as welcome.
func accepts(r *http.Request, mediaType string) bool {
	return strings.Contains(strings.ToLower(strings.Join(r.Header.Values("Accept"), ",")), mediaType)
}

// writeJSON answers with v.
func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	if w.Header().Get("Cache-Control") == "" {
		w.Header().Set("Cache-Control", "no-store")
	}
	w.WriteHeader(status)
	writeBody(w, v)
}

// writeBody writes v as JSON. Its < and & stand as they are: nothing of it is taken for HTML, see nosniff.
func writeBody(w http.ResponseWriter, v any) {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v) // who went away needs no answer
}

// marshal is json.Marshal that leaves < and & as they are: fragments are half as long.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}
