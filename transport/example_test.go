package transport_test

import (
	"bufio"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/pulsewall/pulsewall/transport"
)

// greeting is a Content: it encodes the data of its reading event.
type greeting string

func (g greeting) Encode(transport.Format, bool) []byte {
	return fmt.Appendf(nil, `{"sub":"greeting","version":1,"page":%q}`, string(g))
}

// A hub with one update, served as text/event-stream.
func Example() {
	hub := transport.NewHub(transport.Options{Node: "node-1"})
	hub.Put(transport.NewUpdate("greeting", 1, 0, greeting("hello, wall")))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ended := func(error) {} // why the client has gone
		if _, err := hub.ServeSSE(w, r, transport.Opening{Topics: []string{"greeting"}}, ended); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
		}
	}))
	defer server.Close()
	defer hub.Close()

	response, err := http.Get(server.URL)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = response.Body.Close() }()
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() && !strings.HasPrefix(lines.Text(), "event: reading") {
		continue // hello comes first
	}
	fmt.Println(lines.Text())
	lines.Scan()
	fmt.Println(lines.Text())
	// Output:
	// event: reading
	// data: {"sub":"greeting","version":1,"page":"hello, wall"}
}
