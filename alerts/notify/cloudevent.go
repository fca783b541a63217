package notify

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/pulsewall/pulsewall/alerts"
	"github.com/pulsewall/pulsewall/feeds"
)

// envelope is a CloudEvent 1.0 as JSON.
type envelope struct {
	SpecVersion     string    `json:"specversion"`
	ID              string    `json:"id"`
	Source          string    `json:"source"`
	Type            string    `json:"type"`
	Subject         string    `json:"subject"`
	Time            time.Time `json:"time"`
	DataContentType string    `json:"datacontenttype"`
	Data            data      `json:"data"`
}

type data struct {
	Text   string        `json:"text"` // for people, in English
	Change alerts.Change `json:"change"`
	Alert  alerts.Alert  `json:"alert"`
}

// mostSubject is how many characters a subject has: more than a name of a feed and what an alert keeps of a record.
const mostSubject = 500

// cloudEvent encodes an event. The same event is the same bytes each time.
func cloudEvent(e alerts.Event, source string) ([]byte, error) {
	subject := oneLine(e.Alert.Feed+"/"+e.Alert.Record, mostSubject) // no attribute may hold what moves a cursor
	out, err := json.Marshal(envelope{
		SpecVersion: "1.0", ID: e.ID, Source: source, Type: "pulsewall.alert." + string(e.Change), Subject: subject,
		Time: e.Time.UTC(), DataContentType: "application/json", Data: data{Text: summary(e), Change: e.Change, Alert: e.Alert},
	})
	if err != nil {
		return nil, fmt.Errorf("encode event %s: %w", e.ID, err)
	}
	return out, nil
}

// Headers of Standard Webhooks.
const (
	headerID        = "Webhook-Id"
	headerTimestamp = "Webhook-Timestamp"
	headerSignature = "Webhook-Signature"
)

// signingKey decodes a secret of Standard Webhooks; nil: there is none. Its error does not tell it.
func signingKey(s feeds.Secret) ([]byte, error) {
	if s == "" {
		return nil, nil
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(s.Reveal(), "whsec_"))
	if err != nil || len(key) < 24 || len(key) > 64 {
		return nil, wrong("secret", "is not one that signs; allowed: whsec_ and 24 to 64 bytes as base64, for example of openssl rand -base64 32")
	}
	return key, nil
}

// sign adds to a request of which event it is, when it was made, and the proof of both and of the body.
func sign(h http.Header, key []byte, id string, body []byte, now time.Time) {
	at := strconv.FormatInt(now.Unix(), 10)
	mac := hmac.New(sha256.New, key)
	_, _ = fmt.Fprintf(mac, "%s.%s.%s", id, at, body) // never fails
	h.Set(headerID, id)
	h.Set(headerTimestamp, at)
	h.Set(headerSignature, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
}
