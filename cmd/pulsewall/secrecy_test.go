package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// hs256 makes a token (RFC 7515) of a secret.
func hs256(secret, claims string) string {
	b64 := base64.RawURLEncoding.EncodeToString
	text := b64([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + b64([]byte(claims))
	mac := hmac.New(sha256.New, []byte(secret))
	_, _ = mac.Write([]byte(text)) // a hash takes everything
	return text + "." + b64(mac.Sum(nil))
}

// asker makes requests and keeps all that is said in answer.
type asker struct {
	t    *testing.T
	url  string
	said strings.Builder
}

// ask makes one request; header holds "Name: value" lines.
func (a *asker) ask(method, path, body string, header ...string) (status int, text string) {
	a.t.Helper()
	req, err := http.NewRequestWithContext(a.t.Context(), method, a.url+path, strings.NewReader(body))
	if err != nil {
		a.t.Fatal(err)
	}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		req.Header.Set(name, value)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		a.t.Fatal(err)
	}
	defer res.Body.Close()
	if strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream") {
		return res.StatusCode, ""
	}
	b, err := io.ReadAll(res.Body)
	if err != nil {
		a.t.Fatal(err)
	}
	_ = res.Header.Write(&a.said) // a strings.Builder takes everything
	a.said.Write(b)
	return res.StatusCode, string(b)
}

// What opens a door is in nothing that a whole run logs at its most talkative, and in nothing that it answers but the ticket itself.
func TestSecretsStaySecret(t *testing.T) {
	const secret, nodeSecret = "correct horse battery staple, and more", "the secret of all nodes together"
	claims := func(d time.Duration) string {
		return fmt.Sprintf(`{"sub":"7","name":"Ann","exp":%d}`, time.Now().Add(d).Unix())
	}
	good := hs256(secret, claims(time.Hour))
	tokens := []string{
		good, hs256(secret, claims(-time.Hour)), hs256("another secret of as many bytes, or more", claims(time.Hour)), good[:len(good)-2] + "AA",
		hs256(secret, `{"sub":"7"}`), "eyJhbGciOiJub25lIn0.eyJzdWIiOiI3In0.c2lnbmF0dXJl", "not.even-a-token",
	}
	p := launchIn(t, []string{"PULSEWALL_AUTH_SECRET=" + secret, "PULSEWALL_NODE_SECRET=" + nodeSecret},
		"--auth", "jwt", "--auth-algorithm", "HS256", "--auth-cookie", "wall", "--log-level", "debug", "--data-dir", "off")
	a := &asker{t: t, url: p.url}
	refused := 0
	for _, token := range tokens {
		for _, header := range []string{"Authorization: Bearer " + token, "Cookie: wall=" + token, "Authorization: " + token} {
			for _, path := range []string{"/", "/d/stocks", "/api/feeds", "/live?sub=stocks&wait=0", "/live?sub=stocks/8/1/10", "/api/readings?sub=none", "/nowhere"} {
				if status, _ := a.ask("GET", path, "", header, "Accept: text/html"); status == http.StatusUnauthorized {
					refused++
				}
			}
			a.ask("POST", "/api/messages", `{"to":{"all":true},"data":1}`, header)
			a.ask("POST", "/api/feeds/none", "[]", header)
		}
		for _, name := range []string{"access_token", "token", "ticket", "id_token", "jwt"} {
			a.ask("GET", "/live?sub=stocks&"+name+"="+token, "", "Accept: text/event-stream")
		}
	}
	var tickets []string
	for _, header := range []string{"Accept: text/event-stream", "Accept: text/html", "Accept: application/json"} {
		unseen := &asker{t: t, url: p.url}
		_, text := unseen.ask("POST", "/api/tickets", "", "Authorization: Bearer "+good)
		var got struct{ Ticket string }
		if err := json.Unmarshal([]byte(text), &got); err != nil || got.Ticket == "" {
			t.Fatalf("a ticket: %s, %v", text, err)
		}
		tickets = append(tickets, got.Ticket)
		for range 2 {
			a.ask("GET", "/live?sub=stocks&ticket="+got.Ticket, "", header)
		}
	}
	_, shown := a.ask("GET", "/metrics", "")
	if code, _ := p.exit(); code != 0 || !strings.Contains(shown, `pulsewall_refused_total{status="401"}`) {
		t.Errorf("ended with %d; metrics:\n%s", code, shown)
	}
	log := p.log.String()
	if n := strings.Count(log, "status=401"); n < refused || refused < 50 {
		t.Errorf("%d refusals are logged of %d: nothing is proved", n, refused)
	}
	for _, hidden := range append(append(tokens, tickets...), secret, nodeSecret) {
		parts := strings.Split(hidden, ".")
		if last := parts[len(parts)-1]; strings.Contains(log, last) || strings.Contains(a.said.String(), last) {
			t.Errorf("%q is told to those who read the log, or an answer", last)
		}
	}
}
