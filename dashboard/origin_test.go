package dashboard_test

import (
	"net/netip"
	"testing"
)

// TestOrigins holds who may act to a table.
func TestOrigins(t *testing.T) {
	opts := options(&counting{})
	opts.Origins = []string{"https://other.example", "null"}
	w := newWall(t, opts, false)
	strict := newWall(t, options(&counting{}), false)
	secure := newWall(t, options(&counting{}), true)
	tests := []struct {
		name   string
		at     *wall
		header []string
		ok     bool
	}{
		{"a program", w, nil, true},
		{"own", w, []string{"Origin: http://wall.example:7000", "Host: wall.example:7000"}, true},
		{"own, case", w, []string{"Origin: http://WALL.example:7000", "Host: wall.EXAMPLE:7000"}, true},
		{"own, default port", w, []string{"Origin: https://wall.example", "Host: wall.example:443"}, true},
		{"another port", w, []string{"Origin: http://wall.example:7001", "Host: wall.example:7000"}, false},
		{"another host", w, []string{"Origin: http://evil.example", "Host: wall.example"}, false},
		{"a host that begins alike", w, []string{"Origin: http://wall.example.evil.example", "Host: wall.example"}, false},
		{"allowed", w, []string{"Origin: https://other.example"}, true},
		{"allowed, another scheme", w, []string{"Origin: http://other.example"}, false},
		{"null allowed", w, []string{"Origin: null"}, true},
		{"null", strict, []string{"Origin: null"}, false},
		{"fetch same-origin", w, []string{"Sec-Fetch-Site: same-origin"}, true},
		{"fetch none", w, []string{"Sec-Fetch-Site: none"}, true},
		{"fetch same-site", w, []string{"Sec-Fetch-Site: same-site"}, false},
		{"fetch cross-site", w, []string{"Sec-Fetch-Site: cross-site"}, false},
		{"own referer", w, []string{"Referer: http://wall.example/d/main", "Host: wall.example"}, true},
		{"foreign referer", w, []string{"Referer: http://evil.example/", "Host: wall.example"}, false},
		{"referer without a host", w, []string{"Referer: about:blank"}, false},
		{"forwarded host of a stranger", w, []string{"Origin: http://evil.example", "Host: wall.example", "X-Forwarded-Host: evil.example"}, false},
		{"http page of an https wall", secure, []string{"Origin: http://wall.example", "Host: wall.example"}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := tt.at.do("POST", "/api/messages", `{"to":{"all":true},"data":1}`, append(tt.header, "Content-Type: application/json")...)
			want := map[bool]int{true: 202, false: 403}[tt.ok]
			if a.StatusCode != want {
				t.Errorf("POST with %q = %d %s; want %d", tt.header, a.StatusCode, a.body, want)
			}
		})
	}
}

// TestForwardedProto believes a trusted proxy about host and scheme.
func TestForwardedProto(t *testing.T) {
	opts := options(&counting{})
	opts.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	w := newWall(t, opts, false)
	for _, tt := range []struct {
		header []string
		want   int
	}{
		{[]string{"Origin: https://wall.example", "X-Forwarded-Host: wall.example", "X-Forwarded-Proto: https"}, 202},
		{[]string{"Origin: http://wall.example", "X-Forwarded-Host: wall.example", "X-Forwarded-Proto: https"}, 403},
		{[]string{"Origin: https://evil.example", "X-Forwarded-Host: wall.example"}, 403},
	} {
		a := w.do("POST", "/api/messages", `{"to":{"all":true},"data":1}`, append(tt.header, "Content-Type: application/json")...)
		if a.StatusCode != tt.want {
			t.Errorf("%q = %d %s; want %d", tt.header, a.StatusCode, a.body, tt.want)
		}
	}
}
