//go:build linux

package compare

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

const (
	// firstComers is how many clients of each transport come and go before a peer is measured.
	firstComers = 10
	// firstWithin is how long that may take.
	firstWithin = 30 * time.Second
)

var (
	asksForEvents = http.Header{"Accept": {"text/event-stream"}}
	asksForSocket = http.Header{
		"Connection": {"Upgrade"}, "Upgrade": {"websocket"},
		"Sec-WebSocket-Version": {"13"}, "Sec-WebSocket-Key": {"Zmlyc3QtY29tZXJzLTAwMQ=="},
	}
)

// visit has a few clients come, publishes to them, and has them go. What a runtime loads and allocates on first need, megabytes
// in some, would otherwise count as the cost of connections.
func visit(ctx context.Context, p *Process) error {
	ctx, cancel := context.WithTimeout(ctx, firstWithin)
	defer cancel()
	web := &http.Transport{DisableCompression: true}
	defer web.CloseIdleConnections()
	for transport, stream := range p.Streams {
		head := asksForEvents
		if transport == WebSocket {
			head = asksForSocket
		}
		for range firstComers {
			client, err := ask(ctx, web, http.MethodGet, stream.URL, "", head)
			if err != nil {
				return err
			}
			defer func() { _ = client.Close() }()
		}
	}
	answer, err := ask(ctx, web, http.MethodPost, p.Publish, "first", http.Header{})
	if err != nil {
		return err
	}
	return answer.Close()
}

// ask returns the body of the answer, or the stream that it became.
func ask(ctx context.Context, web *http.Transport, method, url, body string, head http.Header) (io.Closer, error) {
	request, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header = head
	answer, err := web.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode/100 != 2 && answer.StatusCode != http.StatusSwitchingProtocols {
		_ = answer.Body.Close()
		return nil, fmt.Errorf("%s %s: %s", method, url, answer.Status)
	}
	return answer.Body, nil
}
