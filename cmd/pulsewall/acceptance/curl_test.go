package acceptance

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func wantHead(t *testing.T, head string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !strings.Contains(strings.ToLower(head), strings.ToLower(line)+"\r\n") {
			t.Errorf("no line %q in\n%s", line, head)
		}
	}
}

var (
	timePattern  = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`)
	retryPattern = regexp.MustCompile(`^retry: \d+$`)
)

// object is a JSON object of the protocol, whose keys and times are checked.
type object map[string]any

func parseObject(t *testing.T, text string) object {
	t.Helper()
	var o object
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return o
}

// has fails the test unless the object has just these keys. Those with a ? may be missing.
func (o object) has(t *testing.T, what string, keys ...string) {
	t.Helper()
	got := slices.Sorted(maps.Keys(o))
	var want []string
	for _, key := range keys {
		name, optional := strings.CutSuffix(key, "?")
		if _, ok := o[name]; ok || !optional {
			want = append(want, name)
		}
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("keys of %s (-want +got):\n%s", what, diff)
	}
}

func (o object) times(t *testing.T, keys ...string) {
	t.Helper()
	for _, key := range keys {
		if v, _ := o[key].(string); !timePattern.MatchString(v) {
			t.Errorf("%s is %v; want RFC 3339 in UTC with milliseconds", key, o[key])
		}
	}
}

func checkHello(t *testing.T, id string, data object, transport string) {
	t.Helper()
	data.has(t, "hello", "session", "node", "transport", "cursor", "subs", "heartbeat", "time")
	data.times(t, "time")
	if id == "" || data["transport"] != transport || data["heartbeat"] != 15.0 || data["session"] == "" || data["cursor"] == "" {
		t.Errorf("hello %q: %v", id, data)
	}
	if diff := cmp.Diff([]any{"processes/-/1/5"}, data["subs"]); diff != "" {
		t.Errorf("subs (-want +got):\n%s", diff)
	}
}

// isLoading says whether a reading only says that there is none yet, and checks that it says nothing else.
func isLoading(t *testing.T, data object) bool {
	t.Helper()
	if data["status"] != "loading" {
		return false
	}
	data.has(t, "reading that is awaited", "sub", "version", "at?", "due?", "status")
	return true
}

// hasFailed says whether a reading only says that its poll has failed, as on a busy machine, which takes too long for one.
func hasFailed(data object) bool {
	return !isLong() && data["reason"] == "failed"
}

func checkReading(t *testing.T, data object) {
	t.Helper()
	if data["same"] == true {
		data.has(t, "reading", "sub", "version", "at", "due", "sourceAt?", "status", "same")
		return
	}
	data.has(t, "reading", "sub", "version", "at", "due", "sourceAt?", "status", "page", "points?")
	data.times(t, "at", "due")
	if v, _ := data["version"].(float64); v < 1 || v != float64(int64(v)) {
		t.Errorf("version %v", data["version"])
	}
	if data["sub"] != "processes/-/1/5" || data["status"] != "ok" {
		t.Errorf("reading of %v is %v", data["sub"], data["status"])
	}
	raw, _ := data["page"].(map[string]any)
	page := object(raw)
	page.has(t, "page", "records", "total", "size", "current", "pages")
	records, _ := page["records"].([]any)
	if len(records) == 0 {
		t.Fatalf("no records: %v", data)
	}
	total, _ := page["total"].(float64)
	if len(records) != int(min(total, 5)) || page["size"] != 5.0 || page["current"] != 1.0 || page["pages"] != float64((int(total)+4)/5) {
		t.Errorf("page with %d records: %v", len(records), page)
	}
	first, _ := records[0].(map[string]any)
	for _, field := range []string{"pid", "command", "cpu", "memory", "threads"} {
		if _, ok := first[field]; !ok {
			t.Errorf("a record without %s: %v", field, first)
		}
	}
}

// TestCurlStream reads the stream as a person with curl does.
func TestCurlStream(t *testing.T) {
	t.Parallel()
	server := start(t, freeAddress(t), nil, "--interval", "4s", "--node", "here").ready()
	for _, compressed := range []bool{false, true} {
		args := []string{"-N", "-H", "Accept: text/event-stream", server.URL + "/live?feed=processes&size=5"}
		if compressed {
			args = append(args, "--compressed")
		}
		head, body := curlUntil(t, func(printed string) bool {
			return strings.Count(printed, "\n\n") >= 3 && strings.Contains(printed, `"status":"ok","page":`)
		}, args...)
		wantHead(t, head, "HTTP/1.1 200 OK", "Content-Type: text/event-stream; charset=utf-8", "Cache-Control: no-store, no-transform",
			"Vary: Accept, Accept-Encoding, Upgrade", "X-Accel-Buffering: no")
		if compressed {
			wantHead(t, head, "Content-Encoding: gzip")
		}
		events := strings.Split(body[:strings.LastIndex(body, "\n\n")], "\n\n") // it may have been ended within one
		if len(events) < 3 {
			t.Fatalf("%d events; want hello and several readings: %s", len(events), body)
		}
		real := false
		for i, text := range events {
			real = checkBlock(t, i, strings.Split(text, "\n"), !real) || real
		}
		if !real {
			t.Errorf("no reading with records: %s", body)
		}
	}
}

// checkBlock checks the lines of one event of a stream, and returns whether it brings records. Before the first that does, one may say
// that they are awaited: a machine that is busy takes more than 2 s for a poll.
func checkBlock(t *testing.T, i int, lines []string, mayLoad bool) bool {
	t.Helper()
	fields := make(map[string]string)
	for _, line := range lines {
		name, value, ok := strings.Cut(line, ": ")
		if _, twice := fields[name]; !ok || twice || !slices.Contains([]string{"event", "id", "data", "retry"}, name) {
			t.Errorf("line %q of event %d", line, i)
		}
		fields[name] = value
	}
	data := parseObject(t, fields["data"])
	if i > 0 {
		if _, ok := fields["id"]; ok || fields["event"] != "reading" || len(lines) != 2 {
			t.Errorf("event %d: %q; want a reading without id", i, lines)
		}
		if mayLoad && isLoading(t, data) || hasFailed(data) {
			return false
		}
		checkReading(t, data)
		return true
	}
	if fields["event"] != "hello" || !retryPattern.MatchString("retry: "+fields["retry"]) {
		t.Errorf("first event %q; want hello with retry", lines)
	}
	checkHello(t, fields["id"], data, "sse")
	return false
}

// TestCurlPoll asks by long poll as a person with curl does.
func TestCurlPoll(t *testing.T) {
	t.Parallel()
	server := start(t, freeAddress(t), nil, "--interval", "4s", "--node", "here").ready()
	ask := func(more string) (string, []any) {
		t.Helper()
		head, body := curl(t, server.URL+"/live?feed=processes&size=5"+more)
		wantHead(t, head, "HTTP/1.1 200 OK", "Content-Type: application/json", "Cache-Control: no-store, no-transform",
			"Vary: Accept, Accept-Encoding, Upgrade")
		got := parseObject(t, body)
		got.has(t, "answer", "cursor", "events")
		cursor, _ := got["cursor"].(string)
		events, _ := got["events"].([]any)
		if cursor == "" {
			t.Errorf("no cursor in %s", body)
		}
		return cursor, events
	}
	cursor, events := ask("")
	if len(events) == 0 || len(events) > 2 {
		t.Fatalf("first answer has %d events; want hello and a reading: %v", len(events), events)
	}
	hello, news := asObject(events[0]), events[1:]
	hello.has(t, "event", "event", "id", "data")
	id, _ := hello["id"].(string)
	checkHello(t, id, asObject(hello["data"]), "poll")
	if len(news) == 0 || isLoading(t, asObject(asObject(news[0])["data"])) { // a machine that is busy takes more than 2 s for a poll
		cursor, news = ask("&after=" + cursor)
	}
	for range 4 {
		if len(news) != 1 || asObject(news[0])["event"] != "reading" {
			t.Fatalf("the answer after a cursor: %v; want one reading", news)
		}
		asObject(news[0]).has(t, "event", "event", "data")
		if data := asObject(asObject(news[0])["data"]); !hasFailed(data) {
			checkReading(t, data)
		}
		cursor, news = ask("&after=" + cursor)
	}
	if _, now := ask("&wait=0&after=" + cursor); len(now) == 0 || asObject(now[0])["event"] != "hello" {
		t.Errorf("wait=0 gives %v; want hello first", now)
	}
}

func asObject(v any) object {
	o, _ := v.(map[string]any)
	return o
}

// TestCurlRefusals asks what is refused: by status, with a problem that says what is allowed.
func TestCurlRefusals(t *testing.T) {
	t.Parallel()
	server := start(t, freeAddress(t), nil).ready()
	tests := []struct {
		name   string
		args   []string
		status string
		says   string
	}{
		{"a feed that is not there", []string{"/live?feed=nothing"}, "404", "nothing"},
		{"a size", []string{"/live?feed=processes&size=501"}, "400", "500"},
		{"a wait", []string{"/live?feed=processes&wait=26"}, "400", "25"},
		{"a handshake whose Upgrade a proxy ate", []string{"/live?feed=processes", "-H", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="}, "426", "proxy"},
		{"another site's WebSocket", []string{"/live?feed=processes", "-H", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "-H", "Sec-WebSocket-Version: 13",
			"-H", "Connection: Upgrade", "-H", "Upgrade: websocket", "-H", "Origin: https://evil.example"}, "403", "evil.example"},
		{"another site's message", []string{"/api/messages", "-H", "Content-Type: application/json", "-H", "Origin: https://evil.example",
			"-d", `{"to":{"all":true},"data":1}`}, "403", "evil.example"},
		{"an address", []string{"/nothing"}, "404", ""},
	}
	for _, tt := range tests {
		head, body := curl(t, append([]string{"--max-time", "5", server.URL + tt.args[0]}, tt.args[1:]...)...)
		wantHead(t, head, "Content-Type: application/problem+json")
		problem := parseObject(t, body)
		detail, _ := problem["detail"].(string)
		if !strings.HasPrefix(head, "HTTP/1.1 "+tt.status) || !strings.Contains(detail, tt.says) {
			t.Errorf("%s: %s%s; want %s and a detail with %q", tt.name, head, body, tt.status, tt.says)
		}
	}
}
