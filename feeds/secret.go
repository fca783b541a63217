package feeds

import (
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// hidden is what is shown of a secret.
const hidden = "***"

// Secret is a password, a key, or a URL that may hold one. It shows as *** wherever it is printed, logged or encoded, but
// for an unexported field of a struct that is printed whole, where fmt asks no method: do not print such structs.
type Secret string

// Reveal returns the secret itself. The caller must not let it get into a log, an error or an answer.
func (s Secret) Reveal() string { return string(s) }

// String returns ***, or nothing of an empty secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return hidden
}

// Format prints *** whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// LogValue logs ***.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText encodes ***, in JSON and YAML too.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// shortSecret is the length below which a secret is looked for as a whole word only: it may be part of any word.
const shortSecret = 6

// HideSecrets returns err with each of the secrets in its text replaced by ***, and the password in each that is a URL.
// Drivers like to quote what they were given. errors.Is and errors.As see through it.
func HideSecrets(err error, secrets ...Secret) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	safe := hideIn(text, secrets)
	if safe == text {
		return err
	}
	return &hiddenError{text: safe, err: err}
}

type hiddenError struct {
	text string
	err  error
}

func (e *hiddenError) Error() string { return e.text }
func (e *hiddenError) Unwrap() error { return e.err }

func hideIn(text string, secrets []Secret) string {
	for _, s := range secrets {
		for _, form := range s.forms() {
			text = hideForm(text, form)
		}
	}
	return text
}

// forms are the texts as which a secret may appear, the longest first.
func (s Secret) forms() []string {
	text := s.Reveal()
	quoted := strconv.Quote(text)
	forms := []string{text, quoted[1 : len(quoted)-1], url.QueryEscape(text), url.PathEscape(text)}
	if u, err := url.Parse(text); err == nil && u.User != nil {
		if password, ok := u.User.Password(); ok {
			_, raw, _ := strings.Cut(u.User.String(), ":")
			forms = append(forms, u.String(), u.Redacted(), raw, password, url.QueryEscape(password), url.PathEscape(password))
		}
	}
	return forms
}

func hideForm(text, form string) string {
	if form == "" {
		return text
	}
	if len(form) >= shortSecret {
		return strings.ReplaceAll(text, form, hidden)
	}
	var out strings.Builder
	for before := ' '; ; {
		at := strings.Index(text, form)
		if at < 0 {
			out.WriteString(text)
			return out.String()
		}
		if at > 0 {
			before, _ = utf8.DecodeLastRuneInString(text[:at])
		}
		after, _ := utf8.DecodeRuneInString(text[at+len(form):])
		out.WriteString(text[:at])
		if inWord(before) || inWord(after) {
			out.WriteString(form)
		} else {
			out.WriteString(hidden)
		}
		before, _ = utf8.DecodeLastRuneInString(form)
		text = text[at+len(form):]
	}
}

func inWord(r rune) bool { return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r)) }
