package transport

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// sseClient reads text/event-stream as the standard says (WHATWG HTML, 9.2.6).
type sseClient struct {
	response *http.Response
	events   chan wire
	ended    chan struct{}
	err      error // valid when ended is closed
	cancel   context.CancelFunc
	lastID   string
}

func dialSSE(t testing.TB, s *site, q url.Values) peer     { return openSSE(t, s, q, "") }
func dialGzipSSE(t testing.TB, s *site, q url.Values) peer { return openSSE(t, s, q, "gzip") }

func openSSE(t testing.TB, s *site, q url.Values, encoding string) *sseClient {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/live/sse?"+q.Encode(), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "text/event-stream")
	if encoding != "" {
		r.Header.Set("Accept-Encoding", encoding)
	}
	if id := q.Get("lastEventId"); id != "" {
		r.Header.Set("Last-Event-ID", id)
	}
	response, err := s.httpClient().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	c := &sseClient{response: response, events: make(chan wire), ended: make(chan struct{}), cancel: cancel}
	t.Cleanup(c.close)
	if (response.ProtoMajor == 2) != (s.TLS != nil) {
		t.Errorf("%s; want HTTP/2 over TLS alone", response.Proto)
	}
	var body io.Reader = response.Body
	if got := response.Header.Get("Content-Encoding"); got != encoding || response.StatusCode != http.StatusOK {
		t.Fatalf("%s, Content-Encoding %q; want 200, %q", response.Status, got, encoding)
	}
	if encoding != "" {
		if body, err = gzip.NewReader(body); err != nil {
			t.Fatal(err)
		}
	}
	go func() {
		defer close(c.ended)
		c.err = c.read(ctx, bufio.NewReader(body))
	}()
	return c
}

func (c *sseClient) read(ctx context.Context, body *bufio.Reader) error {
	var e wire
	for {
		line, err := body.ReadString('\n')
		if err != nil {
			return err
		}
		if strings.ContainsRune(line, '\r') {
			return fmt.Errorf("a carriage return in %q", line)
		}
		field, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch field {
		case "":
			if e.ID != "" {
				c.lastID = e.ID
			}
			select {
			case c.events <- e:
			case <-ctx.Done():
				return ctx.Err()
			}
			e = wire{}
		case "event":
			e.Event = value
		case "id":
			e.ID = value
		case "data":
			e.Data = json.RawMessage(value)
		case "retry":
			e.Retry = value
		default:
			return fmt.Errorf("line %q; want event, id, data or retry", line)
		}
	}
}

func (c *sseClient) next() (wire, error) {
	select {
	case e := <-c.events:
		return e, nil
	case <-c.ended:
		return wire{}, c.err
	case <-time.After(patience):
		return wire{}, errNothing
	}
}

func (c *sseClient) cursor() string { return c.lastID }

func (c *sseClient) close() {
	c.cancel()
	<-c.ended
	_ = c.response.Body.Close()
}

// pollClient asks again and again from its cursor.
type pollClient struct {
	t      testing.TB
	url    string
	query  url.Values
	http   *http.Client
	at     string
	events []wire
	asked  bool
}

func dialPoll(t testing.TB, s *site, q url.Values) peer {
	c := &pollClient{t: t, url: s.URL + "/live/poll?", query: q, http: s.httpClient(), at: q.Get("after")}
	if err := c.poll(t.Context(), "0"); err != nil { // hello, and at once
		t.Fatal(err)
	}
	return c
}

func (c *pollClient) poll(ctx context.Context, wait string) error {
	c.query.Set("wait", wait)
	c.query.Del("after")
	if c.at != "" {
		c.query.Set("after", c.at)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url+c.query.Encode(), nil)
	if err != nil {
		return err
	}
	if !c.asked && c.query.Get("lastEventId") != "" {
		r.Header.Set("Last-Event-ID", c.query.Get("lastEventId"))
	}
	c.asked = true
	response, err := c.http.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("poll: %s", response.Status)
	}
	var answer struct {
		Cursor string `json:"cursor"`
		Events []wire `json:"events"`
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return err
	}
	if answer.Cursor == "" || answer.Events == nil {
		return errors.New("poll: no cursor, or events that are not a list")
	}
	c.at, c.events = answer.Cursor, append(c.events, answer.Events...)
	return nil
}

func (c *pollClient) next() (wire, error) {
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	for len(c.events) == 0 {
		if err := c.poll(ctx, "3"); err != nil {
			if ctx.Err() != nil {
				err = errNothing
			}
			return wire{}, err
		}
	}
	e := c.events[0]
	c.events = c.events[1:]
	return e, nil
}

func (c *pollClient) cursor() string { return c.at }
func (c *pollClient) close()         {}
