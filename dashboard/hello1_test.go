package dashboard_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// TestHello1 sends from user 1 to others by whatever request a page makes.
func TestHello1(t *testing.T) {
	t.Parallel()
	w := newWall(t, options(&counting{}), false)
	c := make(map[string]*older)
	for _, user := range []string{"2", "3", "4"} {
		c[user] = w.older("/msg")
		c[user].says(`{"unionId":` + user + `}`)
	}
	tab := w.older("/msg?unionId=2") // another of user 2
	plain, form, multi := "Accept: */*", "Content-Type: application/x-www-form-urlencoded", "Content-Type: multipart/form-data; boundary=b"
	part := func(name, value string) string {
		return "--b\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n"
	}
	tests := []struct{ name, method, path, body, kind, data string }{
		{"a list", "GET", "?id=1&idList=2,3", "", plain, ""},
		{"repeated", "GET", "?id=1&idList=2&idList=3&data=hi+you", "", plain, "hi you"},
		{"spaced", "GET", "?idList=2,%203,&data=%E6%BC%A2%3Cb%3E;", "", plain, "漢<b>;"},
		{"an empty text", "GET", "?id=1&idList=2,3&data=", "", plain, ""},
		{"a form", "POST", "", "id=1&idList=2%2C3&data=x%26y", form, "x&y"},
		{"half and half", "POST", "?id=1&idList=2", "idList=3&data=z", form, "z"},
		{"multipart", "POST", "", part("id", "1") + part("idList", "2,3") + part("data", "m") + "--b--\r\n", multi, "m"},
		{"no form", "POST", "?id=1&idList=2,3&data=q", "{}", "Content-Type: application/json", "q"},
	}
	for _, tt := range tests {
		a := w.do(tt.method, "/index/hello1"+tt.path, tt.body, tt.kind)
		if a.StatusCode != http.StatusAccepted || a.Header.Get("Cache-Control") != "no-store, no-transform" || fmt.Sprint(a.object(t)["online"]) != "[2 3]" {
			t.Errorf("%s: %d %v %s; want a 202 with 2 and 3 online that nobody keeps", tt.name, a.StatusCode, a.Header, a.body)
		}
		for _, at := range []*older{c["2"], tab, c["3"]} {
			if got := at.hears(); tt.data == "" {
				at.wantsTime(tt.name, got)
			} else {
				at.wants(tt.name, got, tt.data)
			}
		}
	}
	again := w.get("/index/hello1?id=1&idList=4&data=once&key=k")
	if repeat := w.get("/index/hello1?id=1&idList=4&data=twice&key=k"); repeat.object(t)["id"] != again.object(t)["id"] {
		t.Errorf("a key again: %s; want the first id", repeat.body)
	}
	w.get("/index/hello1?id=1&idList=4&data=last")
	c["4"].wants("4", c["4"].hears()+c["4"].hears(), "oncelast")
}

func TestHello1Refused(t *testing.T) {
	t.Parallel()
	o := options(&counting{})
	o.Origins = []string{"https://friend.example"}
	w := newWall(t, o, false)
	tests := []struct {
		name, method, path string
		header             []string
		status             int
		detail             string
	}{
		{"no list", "GET", "?id=1", nil, 400, "idList is missing"},
		{"an empty list", "GET", "?id=1&idList=,", nil, 400, "idList is missing"},
		{"no user", "GET", "?idList=2,x", nil, 400, `"x"`},
		{"no sender", "GET", "?id=x&idList=2", nil, 400, `"x"`},
		{"too many", "GET", "?idList=1" + strings.Repeat(",2", 100), nil, 400, "101 users"},
		{"too large", "GET", "?idList=2&data=" + strings.Repeat("x", 8191), nil, 413, "8193 bytes"},
		{"bad escape", "GET", "?idList=%zz", nil, 400, "percent-encoded"},
		{"another method", "PUT", "?idList=2", nil, 405, "GET, POST"},
		{"another site", "GET", "?idList=2", []string{"Sec-Fetch-Site: cross-site"}, 403, "cross-site"},
		{"another site's form", "POST", "?idList=2", []string{"Origin: https://evil.example"}, 403, "evil.example"},
		{"another site's link in an old browser", "GET", "?idList=2", []string{"Referer: https://evil.example/page"}, 403, "evil.example"},
		{"a sister site", "GET", "?idList=2", []string{"Sec-Fetch-Site: same-site", "Referer: https://evil.example/"}, 403, "evil.example"},
		{"sent back by another site", "GET", "?idList=2", []string{"Sec-Fetch-Site: cross-site", "Referer: " + w.URL + "/"}, 403, "cross-site"},
		{"its own page", "GET", "?idList=2", []string{"Sec-Fetch-Site: same-origin"}, 202, ""},
		{"typed", "GET", "?idList=2", []string{"Sec-Fetch-Site: none"}, 202, ""},
		{"its own page in an old browser", "GET", "?idList=2", []string{"Referer: " + w.URL + "/d/main"}, 202, ""},
		{"a friend", "GET", "?idList=2", []string{"Origin: https://friend.example", "Sec-Fetch-Site: cross-site"}, 202, ""},
		{"a friend's link", "GET", "?idList=2", []string{"Referer: https://friend.example/page", "Sec-Fetch-Site: cross-site"}, 202, ""},
		{"a program", "GET", "?idList=2", nil, 202, ""},
	}
	for _, tt := range tests {
		a := w.do(tt.method, "/index/hello1"+tt.path, "", tt.header...)
		if tt.status == 202 {
			if a.StatusCode != 202 {
				t.Errorf("%s: %d %s; want 202", tt.name, a.StatusCode, a.body)
			}
			continue
		}
		a.wantProblem(t, tt.name, tt.status, tt.detail)
	}
	if a := w.do("HEAD", "/index/hello1?idList=2", ""); a.StatusCode != 405 {
		t.Errorf("HEAD = %d; want 405, as it would send", a.StatusCode)
	}
}

// TestHello1TakesSemicolons sends a text with a ';' that stands in the query as it is, whatever the method.
func TestHello1TakesSemicolons(t *testing.T) {
	w := newWall(t, options(&counting{}), false)
	for _, method := range []string{"GET", "POST"} {
		if got := w.do(method, "/index/hello1?id=1&idList=2&data=a;b", ""); got.StatusCode != 202 {
			t.Errorf("%s with a ';' = %d %s, want 202", method, got.StatusCode, got.body)
		}
	}
}
