package acceptance

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

// examplePage is the page that docs/clients.md shows, of the server at an address.
func examplePage(t *testing.T, server string) string {
	t.Helper()
	doc, err := os.ReadFile("../../../docs/clients.md")
	if err != nil {
		t.Fatal(err)
	}
	page := regexp.MustCompile("(?s)```html\n(.*?)```").FindSubmatch(doc)
	if page == nil || !strings.Contains(string(page[1]), "https://wall.example/pulsewall.js") {
		t.Fatal("docs/clients.md shows no page that loads https://wall.example/pulsewall.js")
	}
	return strings.ReplaceAll(string(page[1]), "https://wall.example", server)
}

// foreignSite is a site of its own, with one page that the test gives it later.
func foreignSite(t *testing.T) (origin string, serve func(page string)) {
	t.Helper()
	page := "not yet"
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, page)
	}))
	t.Cleanup(s.Close)
	return "http://" + s.Listener.Addr().String(), func(text string) {
		page = text
		s.Start()
	}
}

// slowly is how long a slow machine may take for one thing.
const slowly = 60 * time.Second

// says is true in the example page when an element's text holds a text.
func says(id, text string) string {
	return fmt.Sprintf(`document.getElementById(%q).textContent.indexOf(%q) >= 0`, id, text)
}

// TestForeignPage opens the example of docs/clients.md on a site of its own, on each way in: readings and messages come, it sends, and
// when the server was killed and started again all of that goes on, what was written in the meantime being sent once.
func TestForeignPage(t *testing.T) {
	t.Parallel()
	origin, serve := foreignSite(t)
	address := freeAddress(t)
	begin := func() *process { return start(t, address, nil, "--interval", "2s", "--origin", origin).ready() }
	server := begin()
	serve(examplePage(t, server.URL))
	names := map[string]string{"WebSocket": "websocket", "SSE": "sse", "Long poll": "poll"}
	tabs := make(map[string]*tab)
	for _, w := range ways[:3] {
		tabs[names[w.transport]] = w.open(t, origin)
	}
	write := func(p *tab, text string) {
		p.act(fmt.Sprintf(`document.getElementById("text").value = %q; document.querySelector("#say button").click();`, text))
	}
	for by, p := range tabs {
		p.until(slowly, says("state", "live "+by))
		p.until(slowly, `document.querySelectorAll("#prices li").length === 5`)
	}
	for by, p := range tabs { // all are there to hear it
		write(p, "hello by "+by)
	}
	if err := server.send(t.Context(), map[string]any{"to": map[string]any{"users": []string{"7"}}, "data": "<i>psst</i>", "name": "Bob"}); err != nil {
		t.Fatal(err)
	}
	for _, p := range tabs {
		p.until(slowly, says("talk", "Bob: <i>psst</i>"))
		for by := range tabs {
			p.until(slowly, says("talk", "Ann: hello by "+by))
		}
		p.act(`window.first = document.getElementById("prices").textContent`)
	}
	server.kill()
	for by, p := range tabs {
		p.until(slowly, says("state", "waiting")+" || "+says("state", "connecting"))
		write(p, "still there by "+by)
	}
	begin()
	for by, p := range tabs {
		p.until(slowly, says("state", "live "+by))
		p.until(slowly, `document.getElementById("prices").textContent !== window.first`)
		p.until(slowly, says("talk", "Ann: still there by "+by)) // those of who was back before it are in no log any more
		p.until(slowly, says("talk", "some messages may be missing"))
	}
	for by, p := range tabs {
		said, err := eval[[]string](p, `[].map.call(document.querySelectorAll("#talk li"), function (li) { return li.textContent; })`)
		p.must(err)
		times := make(map[string]int)
		for _, line := range said {
			times[line]++
		}
		for line, n := range times {
			if strings.HasPrefix(line, "Ann") && n != 1 || strings.HasPrefix(line, "not sent") {
				t.Errorf("%s: %q is there %d times", by, line, n)
			}
		}
	}
}

// TestForeignPageRefused opens the example on a site that the server was not told of, and on each way in the page can say why it is refused.
func TestForeignPageRefused(t *testing.T) {
	t.Parallel()
	origin, serve := foreignSite(t)
	server := start(t, freeAddress(t), nil, "--origin", "https://pages.example").ready()
	serve(examplePage(t, server.URL))
	var tabs []*tab
	for _, w := range ways[:3] {
		tabs = append(tabs, w.open(t, origin))
	}
	for _, p := range tabs {
		p.until(slowly, says("state", "refused"))
		for _, words := range []string{origin, "--origin"} {
			p.until(slowly, says("state", words))
		}
		p.act(`document.querySelector("#say button").click()`)
		p.until(slowly, says("talk", "not sent"))
	}
}
