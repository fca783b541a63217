package dashboard_test

import (
	"fmt"
	"strings"

	"github.com/pulsewall/pulsewall/assets"
)

// evil is what browsers say of a page that has no business here.
var evil = []string{"Origin: http://evil.example"}

// upgrade is a handshake with something wrong.
func upgrade(wrong string) (header []string) {
	name, _, _ := strings.Cut(wrong, ": ")
	for _, line := range handshake {
		if !strings.HasPrefix(line, name+": ") {
			header = append(header, line)
		}
	}
	if strings.Contains(wrong, ": ") {
		header = append(header, wrong)
	}
	return header
}

var (
	large    = strings.Repeat("x", 9000)
	again    = []string{"If-None-Match: *"}
	person   = []string{"Accept: text/html"}
	noProxy  = upgrade("Upgrade")
	badKey   = upgrade("Sec-WebSocket-Key: short")
	last     = []string{"Last-Event-ID: e-0"}
	streamed = []string{"Accept: text/event-stream"}
)

const everything = "?unionId=7&name=Ann&sub=mine/7/1/3&feed=rows&current=1&size=5&room=a&room=b&presence=1&format=json&after=earliest&session=s&wait=0"

// longest is a message with a name and a key of so many characters, to so many users.
func longest(characters, users int) string {
	text := strings.Repeat("ä", characters)
	return fmt.Sprintf(`{"to":{"users":[%s7]},"data":1,"name":%q,"key":%q}`, strings.Repeat("7,", users-1), text, text)
}

const ann = "?unionId=7&name=Ann"

// calls are the ways in which each operation is called where nothing is scarce.
var calls = []call{
	{200, "GET /", "", nil}, {304, "GET /", "", again},
	{200, "GET /d/main?unionId=7&current=2&size=5", "", nil}, {304, "GET /d/main", "", again}, {400, "GET /d/main?current=0", "", nil},
	{404, "GET /d/none", "", nil}, {404, "GET /d/none", "", person},
	{200, "GET /chat?room=r&unionId=7&name=Ann&write=1", "", nil}, {304, "GET /chat", "", again}, {400, "GET /chat?room=no+name", "", nil},
	{303, "POST /chat", "to=room:r&data=hello&unionId=7&name=Ann", nil}, {400, "POST /chat", "to=all&data=x", nil},
	{403, "POST /chat", "to=room:r&data=x", evil}, {413, "POST /chat", "to=room:r&data=" + large, person},

	{200, "GET /live" + everything, "", last}, {200, "GET /live?room=r", "", streamed}, {101, "GET /live?room=r", "", handshake},
	{400, "GET /live?wait=x", "", nil}, {403, "GET /live", "", evil}, {404, "GET /live?feed=none", "", nil}, {426, "GET /live", "", noProxy},
	{101, "GET /live/ws" + everything, "", append(last, handshake...)}, {400, "GET /live/ws", "", badKey}, {403, "GET /live/ws", "", append(evil, handshake...)},
	{404, "GET /live/ws?feed=none", "", handshake}, {426, "GET /live/ws", "", nil},
	{200, "GET /live/sse" + everything, "", last}, {400, "GET /live/sse?format=x", "", nil}, {403, "GET /live/sse", "", evil}, {404, "GET /live/sse?feed=none", "", nil},
	{200, "GET /live/poll" + everything, "", last}, {200, "GET /live/poll?feed=mine&unionId=7&format=html&wait=0", "", nil},
	{400, "GET /live/poll?sub=x/y", "", nil}, {403, "GET /live/poll", "", evil}, {404, "GET /live/poll?feed=none", "", nil},

	{202, "POST /api/messages", `{"to":{"room":"r","users":[7,"8"]},"data":{"x":[1,null]},"key":"k","unionId":7,"name":"Ann","session":"s"}`, nil},
	{202, "POST /api/messages?unionId=7&name=Ann&session=s", `{"to":{"all":true},"data":null}`, nil},
	{202, "POST /api/messages", `{"to":{"users":["8"]},"data":"x"}`, nil},
	{303, "POST /api/messages", "to=user:7,8&data=x&key=k&unionId=7&name=Ann&session=s", nil},
	{202, "POST /api/messages", longest(64, 100), nil}, {400, "POST /api/messages", longest(65, 1), nil}, {400, "POST /api/messages", longest(1, 101), nil},
	{400, "POST /api/messages", `{"to":{}}`, nil}, {400, "POST /api/messages", `{"to":{"all":true,"room":"r"},"data":1}`, nil},
	{400, "POST /api/messages", `{"to":{"all":true},"data":1,"session":"a b"}`, nil}, {400, "POST /api/messages", `{"to":{"users":["x"]},"data":1}`, nil}, {403, "POST /api/messages", `{"to":{"all":true},"data":1}`, evil},
	{413, "POST /api/messages", `{"to":{"all":true},"data":"` + large + `"}`, nil},
	{200, "GET /api/messages?unionId=7&room=r&after=earliest&limit=2", "", nil}, {200, "GET /api/messages?after=e-0", "", nil}, {400, "GET /api/messages?limit=0", "", nil},
	{201, "POST /api/channels", "", nil}, {403, "POST /api/channels", "", evil},
	{403, "POST /api/tickets", "", evil}, {404, "POST /api/tickets", "", nil},
	{200, "GET /api/readings?sub=rows/-/1/5&format=html", "", nil}, {200, "GET /api/readings?unionId=7&feed=mine&current=1&size=2", "", nil},
	{304, "GET /api/readings?feed=rows", "", again}, {400, "GET /api/readings", "", nil}, {404, "GET /api/readings?feed=none", "", nil},
	{400, "HEAD /api/readings", "", nil},
	{200, "GET /api/history?feed=mine&unionId=7&current=1&size=5&from=1777896000&to=2026-05-04T13:00:00Z&step=10m", "", nil}, {200, "GET /api/history?sub=rows/-/1/5", "", []string{"Accept: text/csv"}},
	{400, "GET /api/history?sub=rows/-/1/5&step=1", "", nil}, {404, "GET /api/history?feed=none", "", nil},
	{200, "GET /api/presence", "", nil}, {200, "GET /api/presence?room=r", "", nil}, {400, "GET /api/presence?room=no+name", "", nil},
	{200, "GET /api/presence/users?current=1&size=5&room=r", "", nil}, {400, "GET /api/presence/users?size=501", "", nil},
	{200, "GET /api/presence/users/7", "", nil}, {400, "GET /api/presence/users/x", "", nil},
	{202, "POST /api/feeds/jobs?unionId=7", `[{"id":"a"},{"id":"b","deep":{"x":[1]}}]`, withKey}, {202, "POST /api/feeds/jobs", `{"unionId":7,"records":[{}],"total":1}`, withKey},
	{400, "POST /api/feeds/jobs?unionId=7", `{}`, withKey}, {401, "POST /api/feeds/jobs", "[]", nil}, {403, "POST /api/feeds/jobs", "[]", evil}, {404, "POST /api/feeds/rows", "[]", withKey},
	{413, "POST /api/feeds/jobs", "[" + strings.Repeat(" ", 9000) + "]", withKey}, {415, "POST /api/feeds/jobs", "[]", append([]string{"Content-Encoding: br"}, withKey...)},

	{200, "GET /api/feeds", "", nil}, {200, "GET /api/nodes", "", nil},

	{101, "GET /msg" + ann, "", handshake}, {403, "GET /msg", "", append(evil, handshake...)}, {426, "GET /msg", "", noProxy}, {400, "GET /msg?unionId=x", "", handshake},
	{101, "GET /message" + ann, "", handshake}, {403, "GET /message", "", append(evil, handshake...)}, {426, "GET /message", "", noProxy}, {400, "GET /message?unionId=x", "", handshake},
	{202, "GET /index/hello1?id=1&idList=2,3&idList=4&data=x&key=k", "", nil}, {400, "GET /index/hello1?id=1", "", nil}, {403, "GET /index/hello1?id=1&idList=2", "", evil},
	{413, "GET /index/hello1?id=1&idList=2&data=" + large, "", nil},
	{202, "POST /index/hello1?id=1&idList=2,3&data=x&key=k", "", nil}, {400, "POST /index/hello1?id=1", "", nil}, {403, "POST /index/hello1?id=1&idList=2", "", evil},
	{413, "POST /index/hello1?id=1&idList=2", "data=" + large, nil},
	{101, "GET /channel?type=app&channelId=" + channelOne, "", handshake}, {400, "GET /channel?type=web&channelId=short", "", handshake},
	{403, "GET /channel?type=web&channelId=" + channelOne, "", append(evil, handshake...)}, {426, "GET /channel?type=web&channelId=" + channelOne, "", nil},
	{409, "GET /channel?type=web&channelId=" + channelTaken, "", handshake},

	{200, "GET /healthz", "", nil}, {200, "GET /readyz", "", nil},
	{200, "GET /metrics", "", nil}, {200, "GET /metrics", "", []string{"Accept: application/openmetrics-text"}},
	{200, "GET " + assets.URL("pulsewall.js"), "", nil}, {200, "GET " + assets.URL("pulsewall.css"), "", nil}, {200, "GET " + assets.URL("icon.svg"), "", nil},
	{404, "GET /assets/none.js", "", nil}, {404, "GET /assets/none.js", "", person},
	{200, "GET /pulsewall.js", "", nil}, {304, "GET /pulsewall.js", "", again},
	{200, "GET /openapi.yaml", "", nil}, {304, "GET /openapi.yaml", "", again}, {200, "GET /asyncapi.yaml", "", nil}, {304, "GET /asyncapi.yaml", "", again},
}

// heads are addresses that answer HEAD.
var heads = []string{
	"/", "/d/main", "/chat", "/alerts", "/api/messages", "/api/readings?feed=rows", "/api/history?feed=rows", "/api/presence", "/api/presence/users", "/api/presence/users/7", "/api/feeds",
	"/api/nodes", "/api/alerts", "/healthz", "/readyz", "/metrics", assets.URL("pulsewall.js"), "/pulsewall.js", "/openapi.yaml", "/asyncapi.yaml",
}

// sockJSCalls are those of SockJS's clients, in the order in which they make them.
var sockJSCalls = []call{
	{200, "GET /sockjs", "", nil}, {200, "GET /sockjs/", "", nil}, {101, "GET /sockjs" + ann, "", handshake}, {101, "GET /sockjs/websocket" + ann, "", handshake},
	{400, "GET /sockjs", "", badKey}, {403, "GET /sockjs", "", append(evil, handshake...)}, {426, "GET /sockjs", "", noProxy},
	{400, "GET /sockjs/websocket", "", badKey}, {403, "GET /sockjs/websocket", "", append(evil, handshake...)}, {426, "GET /sockjs/websocket", "", noProxy},
	{200, "GET /sockjs/info", "", nil},
	{101, "GET /sockjs/0/ws/websocket" + ann, "", handshake}, {400, "GET /sockjs/0/no.name/websocket", "", handshake},
	{403, "GET /sockjs/0/ws/websocket", "", append(evil, handshake...)}, {426, "GET /sockjs/0/ws/websocket", "", noProxy},
	{200, "POST /sockjs/0/one/xhr" + ann, "", nil}, {400, "POST /sockjs/0/no.name/xhr", "", nil}, {403, "POST /sockjs/0/one/xhr", "", evil},
	{204, "POST /sockjs/0/one/xhr_send", `["hello"]`, nil}, {400, "POST /sockjs/0/no.name/xhr_send", `["x"]`, nil}, {403, "POST /sockjs/0/one/xhr_send", `["x"]`, evil},
	{404, "POST /sockjs/0/none/xhr_send", `["x"]`, nil}, {413, "POST /sockjs/0/one/xhr_send", `["` + strings.Repeat(large, 60) + `"]`, nil},
	{200, "POST /sockjs/0/two/xhr_streaming" + ann, "", nil}, {400, "POST /sockjs/0/no.name/xhr_streaming", "", nil}, {403, "POST /sockjs/0/two/xhr_streaming", "", evil},
	{200, "GET /sockjs/0/three/eventsource" + ann, "", nil}, {400, "GET /sockjs/0/no.name/eventsource", "", nil}, {403, "GET /sockjs/0/three/eventsource", "", evil},
	{200, "GET /sockjs/0/four/jsonp" + ann + "&c=back", "", nil}, {400, "GET /sockjs/0/four/jsonp?c=(x)", "", nil}, {403, "GET /sockjs/0/four/jsonp?c=back", "", evil},
	{200, "POST /sockjs/0/four/jsonp_send", "d=" + `%5B%22x%22%5D`, nil}, {400, "POST /sockjs/0/no.name/jsonp_send", `["x"]`, nil}, {403, "POST /sockjs/0/four/jsonp_send", `["x"]`, evil},
	{404, "POST /sockjs/0/none/jsonp_send", `["x"]`, nil}, {413, "POST /sockjs/0/four/jsonp_send", `["` + strings.Repeat(large, 60) + `"]`, nil},
}

const (
	channelOne   = "0123456789abcdefghijklmnopqrst_A"
	channelTaken = "0123456789abcdefghijklmnopqrst_B"
)
