package main

import (
	"net/url"
	"regexp"
	"strings"

	"github.com/pulsewall/pulsewall/feeds"
)

// hidden stands for a secret in what is printed.
const hidden = "***"

// leftOutSecret is a secret of which only what "config print" shows is there: as a whole, as the password of a URL, in its query.
var leftOutSecret = regexp.MustCompile(`^\*{3}$|:(\*{3}|(%2A){3})@|[?&][^=&]*=\*{3}(&|#|$)`)

// reference is ${NAME}, a variable of the environment, or $${NAME}, which stands for the text ${NAME}.
var reference = regexp.MustCompile(`\$?\$\{[A-Za-z_][A-Za-z0-9_]*\}`)

// shownSecret is a secret of the file as it may be printed: references stay, what stands around them only in a URL, without its
// password and the values of its query.
func shownSecret(s feeds.Secret) string {
	text := s.Reveal()
	if text == "" || reference.FindString(text) == text && !strings.HasPrefix(text, "$$") {
		return text
	}
	var names []string
	plain := reference.ReplaceAllStringFunc(text, func(name string) string {
		names = append(names, name)
		return "ENV-" + string(rune('a'+len(names)-1)) + "-ENV"
	})
	u, err := url.Parse(plain)
	if err != nil || u.Scheme == "" || u.Host == "" && u.Opaque == "" && u.Path == "" || len(names) > 26 {
		return hidden
	}
	if u.User != nil {
		switch password, ok := u.User.Password(); {
		case password == "" && strings.HasPrefix(u.Scheme, "http") && !isReference(u.User.Username()):
			u.User = url.User(hidden) // some services take a token there
		case ok && !isReference(password):
			u.User = url.UserPassword(u.User.Username(), hidden)
		}
	}
	if u.RawQuery != "" {
		u.RawQuery = maskQuery(u.RawQuery)
	}
	text = strings.NewReplacer("%2A%2A%2A", hidden, "%7B", "{", "%7D", "}").Replace(u.String())
	for i, name := range names {
		text = strings.ReplaceAll(text, "ENV-"+string(rune('a'+i))+"-ENV", name)
	}
	return text
}

var placeholder = regexp.MustCompile(`^ENV-[a-z]-ENV$`)

func isReference(s string) bool { return placeholder.MatchString(s) }

var (
	// secretKey is a key of a query whose value is likely to be a secret.
	secretKey = regexp.MustCompile(`(?i)key|token|secret|pass|auth|sig|cred|appid`)
	// long and mixed are what values made by chance are, whatever their key.
	long  = regexp.MustCompile(`^[\w.~+=%-]{16,}$`)
	mixed = regexp.MustCompile(`[0-9].*[A-Za-z]|[A-Za-z].*[0-9]`)
)

func looksSecret(key, value string) bool {
	return !isReference(value) && (secretKey.MatchString(key) || long.MatchString(value) && mixed.MatchString(value))
}

func maskQuery(query string) string {
	parts := strings.Split(query, "&")
	for i, part := range parts {
		key, value, _ := strings.Cut(part, "=")
		if looksSecret(key, value) {
			parts[i] = key + "=" + hidden
		}
	}
	return strings.Join(parts, "&")
}
