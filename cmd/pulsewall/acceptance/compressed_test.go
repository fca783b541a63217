package acceptance

import (
	"bufio"
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/dashboard"
	"github.com/pulsewall/pulsewall/feeds"
)

// mostCompressed is which part of its bytes a stream may take when it is compressed.
const mostCompressed = 0.30

// TestCompressed has the pages of the built-in dashboards pushed, compressed and not. Segments refer to nothing before them, and still a third
// is enough.
func TestCompressed(t *testing.T) {
	t.Parallel()
	list := feeds.Builtin("here")
	for i := range list {
		list[i].Interval = time.Second
		if list[i].Name == "host" || list[i].Name == "processes" { // what this machine runs says nothing of others
			list[i].Source = newMachine(list[i].Source)
		}
	}
	s := newSite(t, dashboard.Options{Feeds: list})
	for _, query := range []string{"feed=sensors&format=html", "feed=processes&format=html", "feed=stocks&format=html", "feed=weather&format=html",
		"feed=sensors", "feed=processes", "feed=stocks", "feed=weather"} {
		t.Run(query, func(t *testing.T) {
			t.Parallel()
			plain := weigh(t, s, query+"&size=20", "identity")
			small := weigh(t, s, query+"&size=20", "gzip")
			part := float64(small) / float64(plain)
			if strings.Contains(query, "html") && part > mostCompressed { // short tables of bare data have less to say twice
				t.Errorf("%d bytes of %d are %.0f %%; want %.0f %% at most", small, plain, 100*part, 100*mostCompressed)
			}
			t.Logf("%d bytes of %d: %.0f %%", small, plain, 100*part)
		})
	}
}

// TestCompressedCPU has a crowd that takes its readings compressed and one that does not: each is compressed once, whoever takes it.
func TestCompressedCPU(t *testing.T) {
	t.Parallel()
	clients, rounds, seconds := 50, 1, 2
	if isLong() {
		clients, rounds, seconds = 1000, 5, 10
	}
	p := start(t, freeAddress(t), nil, "--interval", "1s", "--log-level", "warn").ready()
	var plain, small []float64
	for range rounds {
		for _, extensions := range []string{"", "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n"} {
			h := newHorde(t)
			h.headers = extensions
			h.gather(clients, func(int) (*site, string) { return &p.site, "feed=sensors&format=html&size=20" })
			before := p.cpu()
			pass(t, time.Duration(seconds)*time.Second)
			took := (p.cpu() - before).Seconds() / float64(clients*seconds) * 1e6
			h.end()
			if extensions == "" {
				plain = append(plain, took)
			} else {
				small = append(small, took)
			}
		}
	}
	slices.Sort(plain)
	slices.Sort(small)
	ratio := small[rounds/2] / plain[rounds/2]
	if isLong() && ratio > 1.1 {
		t.Errorf("compressed, a delivery takes %.2f times the CPU; want 1.1 at most", ratio)
	}
	t.Logf("%d clients: %.1f µs of CPU a delivery, compressed %.1f µs: %.2f times", clients, plain[rounds/2], small[rounds/2], ratio)
}

// weigh returns how many bytes a stream takes until its third good page has come.
func weigh(t *testing.T, s *site, query, encoding string) int64 {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), unhurried(time.Minute))
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/live/sse?"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "text/event-stream")
	req.Header.Set("Accept-Encoding", encoding)
	resp, err := clients.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	counted := &countedReader{Reader: resp.Body}
	in := io.Reader(counted)
	if encoding == "gzip" {
		if in, err = gzip.NewReader(bufio.NewReader(in)); err != nil {
			t.Fatal(err)
		}
	}
	events := &sse{body: resp.Body, in: bufio.NewReader(in)}
	for readings := 0; readings < 3; {
		e, err := events.next()
		if err != nil {
			t.Fatal(err)
		}
		if e.Event == "reading" && len(e.Data) > 2*mostSame {
			readings++
		}
	}
	return counted.n
}

// countedReader counts what was read.
type countedReader struct {
	io.Reader
	n int64
}

func (c *countedReader) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += int64(n)
	return n, err
}
