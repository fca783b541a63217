package dashboard

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/pulsewall/pulsewall/transport"
)

// Bounds of a message.
const (
	mostData = 8 << 10 // bytes of its data as JSON
	mostKey  = 64      // characters
)

var errNoAddress = refuse(http.StatusBadRequest, `to is missing: want {"all":true}, {"room":"r"}, {"users":["7","8"]} or room and users`)

// draft is a message before it has its place in the order.
type draft struct {
	to      transport.Address
	data    json.RawMessage
	key     string
	from    transport.Sender
	session string
	addr    netip.Addr // where it comes from; not valid where that is not known
}

func (m *draft) check() error {
	if len(m.data) == 0 {
		return refuse(http.StatusBadRequest, "data is missing: want any JSON of at most %d bytes", mostData)
	}
	if len(m.data) > mostData {
		return refuse(http.StatusRequestEntityTooLarge, "data has %d bytes: at most %d are allowed", len(m.data), mostData)
	}
	if err := checkText(m.data); err != nil {
		return err
	}
	if n := utf8.RuneCountInString(m.key); n > mostKey || !utf8.ValidString(m.key) {
		return refuse(http.StatusBadRequest, "key %q has %d characters: at most %d of UTF-8 are allowed", clip(m.key), n, mostKey)
	}
	if m.session != "" && !transport.ValidName(m.session) {
		return badSession(m.session)
	}
	return checkName(m.from.Name)
}

// scope is within what a key is recognised: the sender's unionId, else the session, else all anonymous together.
func (m *draft) scope() string {
	switch {
	case m.from.UnionID != "":
		return "u" + m.from.UnionID
	case m.session != "":
		return "s" + m.session
	default:
		return ""
	}
}

// readJSON reads {"to","data","key","unionId","name","session"}; the query may say who sends.
func readJSON(r *http.Request) (draft, error) {
	var body struct {
		To      json.RawMessage `json:"to"`
		Data    json.RawMessage `json:"data"`
		Key     string          `json:"key"`
		UnionID json.RawMessage `json:"unionId"`
		Name    *string         `json:"name"`
		Session string          `json:"session"`
	}
	if err := takeBody(r); err != nil {
		return draft{}, err
	}
	dec := json.NewDecoder(r.Body)
	if err := dec.Decode(&body); err != nil {
		return draft{}, badBody(err, `{"to":{"all":true},"data":"hello"}`)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return draft{}, refuse(http.StatusBadRequest, "something follows the JSON object of the body: want one object")
	}
	q, err := parseQuery(r.URL.RawQuery)
	if err != nil {
		return draft{}, err
	}
	if id := unquoted(body.UnionID); id != "" {
		q.Set("unionId", id)
	}
	if body.Name != nil {
		q.Set("name", *body.Name)
	}
	m := draft{data: body.Data, key: body.Key, session: cmp.Or(body.Session, q.Get("session"))}
	if m.from.UnionID, m.from.Name, err = who(r.Context(), q); err != nil {
		return draft{}, err
	}
	if len(body.To) == 0 {
		return draft{}, errNoAddress
	}
	return m, json.Unmarshal(body.To, &m.to)
}

// unquoted is a string or a number of JSON as text; null is empty.
func unquoted(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil { // null too
		return s
	}
	return string(bytes.TrimSpace(raw))
}

// takeBody reads the whole body, so that one which is too large or too slow is told so whatever is in it.
func takeBody(r *http.Request) error {
	body, err := readBody(r)
	r.Body = io.NopCloser(bytes.NewReader(body))
	return err
}

func readBody(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(r.Body)
	if err == nil {
		return body, nil
	}
	if p := cutBody(err); p != nil {
		return nil, p
	}
	return nil, refuse(http.StatusBadRequest, "the body cannot be read: %s", clip(err.Error()))
}

// badBody says what is wrong with a body that is not what it should be, which want shows.
func badBody(err error, want string) error {
	want = "want " + want
	var wrong *json.UnmarshalTypeError
	switch {
	case errors.Is(err, io.EOF):
		return refuse(http.StatusBadRequest, "the body is empty: %s", want)
	case !errors.As(err, &wrong):
		return refuse(http.StatusBadRequest, "the body is no JSON object (%s): %s", clip(err.Error()), want)
	case wrong.Field == "":
		return refuse(http.StatusBadRequest, "the body is no JSON object but of type %s: %s", wrong.Value, want)
	default: // all fields with a type of their own are strings
		return refuse(http.StatusBadRequest, "%s is of type %s: want a string", wrong.Field, wrong.Value)
	}
}

// cutBody is the problem of a body that was too large or too slow; nil: it was neither.
func cutBody(err error) error {
	if p := problem(err); p.Status == http.StatusRequestEntityTooLarge {
		return p
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return refuse(http.StatusRequestTimeout, "the body did not come within %d seconds", int(bodyWithin.Seconds()))
	}
	return nil
}

// readForm reads to, data, key, unionId, name and session of a form or the query. The data is text.
func readForm(r *http.Request) (draft, error) {
	if err := takeBody(r); err != nil {
		return draft{}, err
	}
	if err := r.ParseForm(); err != nil {
		return draft{}, refuse(http.StatusBadRequest, "the form cannot be read: %s", clip(err.Error()))
	}
	m := draft{key: r.Form.Get("key"), session: r.Form.Get("session")}
	var err error
	if m.from.UnionID, m.from.Name, err = who(r.Context(), r.Form); err != nil {
		return draft{}, err
	}
	if text := r.Form.Get("data"); text != "" {
		if m.data, err = marshal(typed(text)); err != nil {
			return draft{}, err
		}
	}
	if r.Form.Get("to") == "" {
		return draft{}, refuse(http.StatusBadRequest, "to is missing: want all, room:NAME or user:ID,ID")
	}
	m.to, err = transport.ParseAddress(r.Form.Get("to"))
	return m, err
}

// typed is what a person wrote: browsers send the ends of its lines as CR LF, and would show the CR.
func typed(s string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(s, "\r\n", "\n"), "\ufffd")
}

// isForm says whether r was sent by a form of a page.
func isForm(r *http.Request) bool {
	return r.Method == http.MethodPost && strings.HasPrefix(strings.ToLower(r.Header.Get("Content-Type")), "application/x-www-form-urlencoded")
}
