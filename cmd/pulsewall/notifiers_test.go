package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"
)

const roomsWithAlerts = "feeds:\n  - {name: rooms, kind: sensors, thresholds: [{field: value, warn: 26}], alerts: true}\n"

func TestMistakesInNotifiers(t *testing.T) {
	tests := []struct {
		name, yaml, want string
	}{
		{"unknown key", "alerts:\n  webhook: x\n", `wall.yaml:2:3: alerts: unknown key "webhook"; allowed: webhooks, email`},
		{"unknown key deep", "alerts:\n  webhooks:\n    - {uri: x}\n", `wall.yaml:3:8: alerts.webhooks[0]: unknown key "uri"; allowed: name, url, headers, secret, source, feeds, ca, timeout`},
		{"url", "alerts:\n  webhooks:\n    - {url: hooks.example/x}\n", `wall.yaml:3:13: alerts.webhooks[0].url: is not one of a webhook; allowed: http://HOST/PATH or https://HOST/PATH`},
		{"variable", "alerts:\n  webhooks:\n    - {url: \"http://h/${NOT_SET}\"}\n", `wall.yaml:3:13: alerts.webhooks[0].url: the environment variable NOT_SET is not set, or empty`},
		{"timeout", "alerts:\n  webhooks:\n    - {url: \"http://h\", timeout: 5}\n", `wall.yaml:3:34: alerts.webhooks[0].timeout: "5" is not a duration`},
		{"same name", "alerts:\n  webhooks:\n    - {url: \"http://h/a\"}\n    - {url: \"http://h/b\"}\n", `wall.yaml:4:8: alerts.webhooks[1].name: another one is called "h" already; allowed: a name of its own`},
		{"no such feed", roomsWithAlerts + "alerts:\n  webhooks:\n    - {url: \"http://h/a\", feeds: [rooms, host]}\n",
			`wall.yaml:5:42: alerts.webhooks[0].feeds[1]: "host" is no feed with alerts; allowed: rooms`},
		{"no feed at all", "alerts:\n  email: {server: \"smtp://h\", from: a@b.example, to: [c@d.example], feeds: [host]}\n",
			`wall.yaml:2:77: alerts.email.feeds[0]: "host" is no feed with alerts; allowed: none, as no feed has alerts: true`},
		{"recipient", "alerts:\n  email:\n    server: smtp://h\n    from: a@b.example\n    to: [a@b.example, ops]\n",
			`wall.yaml:5:23: alerts.email.to[1]: "ops" is not an address; allowed: user@host, or Name <user@host>`},
		{"server", "alerts:\n  email: {from: a@b.example, to: [c@d.example]}\n", `wall.yaml:2:11: alerts.email.server: is missing; allowed: smtp://HOST:PORT or smtps://HOST:PORT`},
	}
	for _, tt := range tests {
		writeConfig(t, tt.yaml)
		code, _, stderr := invoke(t, nil, "--config", "wall.yaml", "config", "check")
		if code != 2 || !strings.HasPrefix(stderr, "pulsewall: "+tt.want) {
			t.Errorf("%s: %d\n got %s\nwant pulsewall: %s", tt.name, code, stderr, tt.want)
		}
	}
}

func TestNotifiersArePrintedWithoutSecrets(t *testing.T) {
	writeConfig(t, roomsWithAlerts+`alerts:
  webhooks:
    - url: https://me:word-4711@hooks.example/a?key=query-4711&x=${SET}
      headers: { X-Token: Bearer token-4711 }
      secret: whsec_c2VjcmV0LTQ3MTEtb2YtMzItYnl0ZXMtYWxsLWluLWFsbA==
  email: { server: "smtps://mail.example", user: wall, password: "${SET}", from: wall@pulsewall.example, to: [ops@pulsewall.example] }
`)
	code, stdout, stderr := invoke(t, []string{"SET=variable-4711"}, "--config", "wall.yaml", "config", "print")
	if all := stdout + stderr; code != 0 || strings.Contains(all, "4711") || strings.Contains(all, "c2VjcmV0") {
		t.Errorf("config print = %d and tells a secret:\n%s", code, all)
	}
	for _, want := range []string{"url: https://me:***@hooks.example/a?key=***&x=${SET}", "password: ${SET}", "X-Token: \"***\"", "server: smtps://mail.example"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("config print has no %q in\n%s", want, stdout)
		}
	}
}

func TestAlertTest(t *testing.T) {
	posted := make(chan string, 2)
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		posted <- string(body)
		if r.URL.Path == "/gone" {
			http.Error(w, "moved out", http.StatusGone)
		}
	}))
	defer hook.Close()
	writeConfig(t, "alerts:\n  webhooks:\n    - {name: good, url: \""+hook.URL+"/\"}\n    - {name: bad, url: \""+hook.URL+"/gone\"}\n")
	code, stdout, stderr := invoke(t, nil, "--config", "wall.yaml", "alert", "test")
	if code != 1 || !regexp.MustCompile(`^good +\S+s +told\nbad +\S+s +127\.0\.0\.1:\d+ answered 410 Gone: moved out\n$`).MatchString(stdout) ||
		!strings.Contains(stderr, "alert test: 1 of 2 could not be told") {
		t.Errorf("alert test = %d\n%s%s", code, stdout, stderr)
	}
	for range 2 {
		if got := <-posted; !strings.Contains(got, `"type":"pulsewall.alert.test"`) {
			t.Errorf("posted %s; want a test", got)
		}
	}
	writeConfig(t, "")
	if code, _, stderr := invoke(t, nil, "--config", "wall.yaml", "alert", "test"); code != 2 || !strings.Contains(stderr, "nobody is told of alerts") {
		t.Errorf("without notifiers: %d, %s", code, stderr)
	}
}

// TestAlertIsPosted has a record go beyond a threshold and back, and the program tell a webhook of both, once each. Another one wants no
// events: the log says so, and not how it is reached.
func TestAlertIsPosted(t *testing.T) {
	heat := make(chan string, 1) // of the next poll on
	heat <- "95"
	source := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		now := <-heat
		heat <- now
		_, _ = io.WriteString(w, `[{"id":"north","value":`+now+`}]`)
	}))
	defer source.Close()
	posted := make(chan string, 16) // more than come
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var event struct{ Type, Subject, ID string }
		if err := json.NewDecoder(r.Body).Decode(&event); err != nil {
			t.Error(err)
		}
		posted <- event.Type + " " + event.Subject
	}))
	defer hook.Close()
	gone := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "nothing at "+r.URL.String(), http.StatusGone)
	}))
	defer gone.Close()
	writeConfig(t, "feeds:\n  - {name: boilers, interval: 1s, http: {url: \""+source.URL+"\"}, id: id, thresholds: [{field: value, crit: 90}], alerts: true, fields: [{name: id}, {name: value, type: number}]}\n"+
		"alerts:\n  webhooks: [{url: \""+hook.URL+"\"}, {name: gone, url: \""+gone.URL+"/?key=key-4711-word\"}]\n")
	p := launch(t, "--config", "wall.yaml", "--data-dir", "off")
	await := func(want string) {
		t.Helper()
		select {
		case got := <-posted:
			if got != want {
				t.Errorf("posted %q; want %q", got, want)
			}
		case <-time.After(patience):
			t.Fatalf("not posted: %s\n%s", want, p.log)
		}
	}
	await("pulsewall.alert.raised boilers/north")
	<-heat
	heat <- "20"
	await("pulsewall.alert.cleared boilers/north")
	p.log.wait(t, `msg="alert not told: given up" .*change=cleared`)
	if _, metrics := get(t, http.DefaultClient, p.url+"/metrics"); !strings.Contains(metrics, `pulsewall_alert_notices_total{outcome="given_up",to="gone"} 2`) {
		t.Error("the metrics do not say that two events were given up")
	}
	p.exit()
	if log := p.log.String(); strings.Contains(log, "4711") || !strings.Contains(log, "answered 410 Gone: nothing at ") {
		t.Errorf("the log does not say what was answered, or tells a secret:\n%s", log)
	}
	if len(posted) > 0 {
		t.Errorf("posted as well: %s", <-posted)
	}
}
