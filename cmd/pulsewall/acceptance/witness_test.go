package acceptance

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// noted is a message or a reset as a client got it.
type noted struct {
	id    string
	text  string // of the message
	reset string // why, if it is one
}

// alone says that the id is one of a node alone.
func alone(id string) bool { return strings.Contains(id, "+") }

// witness is a client by SSE that keeps its position, comes back when its stream ends, and writes down what it got.
type witness struct {
	name string

	mu       sync.Mutex
	list     []noted
	got      map[string]bool // the texts of list
	resets   int             // in list
	reset    time.Time       // when the last one came
	degraded []bool          // what presence said, each change
	came     bool            // it has a position
}

// attend listens at the sites that whom tells until ctx ends, each time for a while.
func (w *witness) attend(ctx context.Context, whom func() (*site, time.Duration)) {
	query := url.Values{"unionId": {"7"}, "room": {"r"}, "presence": {"1"}, "feed": {"counter"}}
	for ctx.Err() == nil {
		at, stay := whom()
		c, err := at.sse(ctx, query.Encode())
		if err != nil { // it was told to come back a little later
			select {
			case <-ctx.Done():
			case <-time.After(200 * time.Millisecond):
			}
			continue
		}
		stop := within(c, stay)
		for {
			e, err := c.next()
			if err != nil {
				break
			}
			if e.ID != "" {
				query.Set("after", e.ID)
			}
			var hello struct{ Session string }
			if e.Event == "hello" && json.Unmarshal(e.Data, &hello) == nil {
				query.Set("session", hello.Session)
			}
			w.take(e)
		}
		stop()
		c.close()
	}
}

func (w *witness) take(e event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var data struct {
		Data     json.RawMessage
		Reason   string
		Degraded bool
	}
	_ = json.Unmarshal(e.Data, &data) // what it did not bring is missed below
	switch e.Event {
	case "hello":
		w.came = true
	case "message":
		text := strings.Trim(string(data.Data), `"`)
		w.list = append(w.list, noted{id: e.ID, text: text})
		w.got[text] = true
	case "reset":
		w.list = append(w.list, noted{id: e.ID, reset: data.Reason})
		w.reset = time.Now()
		w.resets++
	case "presence":
		if n := len(w.degraded); n == 0 && data.Degraded || n > 0 && w.degraded[n-1] != data.Degraded {
			w.degraded = append(w.degraded, data.Degraded)
		}
	}
}

// heard returns what it got so far.
func (w *witness) heard() []noted {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.list[:len(w.list):len(w.list)]
}

// remains is a client of one site for as long as its streams last.
func remains(s *site) func() (*site, time.Duration) {
	return func() (*site, time.Duration) { return s, time.Hour }
}

// roams goes from one site to another.
func roams(list []*site) func() (*site, time.Duration) {
	return func() (*site, time.Duration) {
		return list[rand.IntN(len(list))], 200*time.Millisecond + rand.N(1500*time.Millisecond)
	}
}

// spoken is a message that was answered for.
type spoken struct {
	text      string
	id        string
	degraded  bool
	node      string
	at, acked time.Time
}

// speaker sends messages to all through one site. What was not answered well it sends again under the same key, beside new ones.
type speaker struct {
	site    *site
	name    string
	list    []spoken      // that were answered for
	doubt   []spoken      // that are to be sent again
	again   int           // times that one was
	longest time.Duration // of one call
	failed  []error       // that no sender should see
}

// run sends until ctx ends, and then what is in doubt until all is answered for.
func (s *speaker) run(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	late := time.Now()
	for n := 0; ctx.Err() == nil || len(s.doubt) > 0; n++ {
		if ctx.Err() == nil {
			s.send(spoken{text: fmt.Sprint(s.name, " ", n), node: s.name, at: time.Now()})
			late = time.Now()
		}
		if len(s.doubt) > 0 && (n%10 == 0 || ctx.Err() != nil) {
			one := s.doubt[0]
			s.doubt = s.doubt[1:]
			s.again++
			s.send(one)
		}
		if time.Since(late) > time.Minute {
			s.failed = append(s.failed, fmt.Errorf("%d messages, %q the first, are still in doubt", len(s.doubt), s.doubt[0].text))
			return
		}
		<-tick.C
	}
}

func (s *speaker) send(one spoken) {
	began := time.Now()
	var err error
	one.id, one.degraded, err = s.site.speak(one.text)
	one.acked = time.Now()
	s.longest = max(s.longest, time.Since(began))
	switch {
	case err == nil:
		s.list = append(s.list, one)
	case strings.HasPrefix(err.Error(), "503"): // it may have its place or not
		s.doubt = append(s.doubt, one)
	default:
		s.failed = append(s.failed, fmt.Errorf("%s: %w", one.text, err))
	}
}

// speak sends a message to all under its text as the key, and gives up when no call should take so long.
func (s *site) speak(text string) (id string, degraded bool, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), unhurried(15*time.Second))
	defer cancel()
	body, _ := json.Marshal(map[string]any{"to": map[string]any{"all": true}, "data": text, "key": text, "unionId": "1"}) // plain
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+"/api/messages", bytes.NewReader(body))
	if err != nil {
		return "", false, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := clients.Do(req)
	if err != nil {
		return "", false, err
	}
	defer resp.Body.Close()
	var receipt struct {
		ID       string
		Degraded bool
	}
	answer, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusAccepted {
		err = fmt.Errorf("%s: %s", resp.Status, answer)
	}
	if err != nil {
		return "", false, err
	}
	err = json.Unmarshal(answer, &receipt)
	return receipt.ID, receipt.Degraded, err
}
