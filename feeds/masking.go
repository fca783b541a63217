package feeds

import (
	"path"
	"regexp"
	"strings"
)

// mask stands for what is not shown. Arguments are for the machine's owner, a wall is for everybody.
const mask = "***"

var (
	// telling matches a name whose value is a secret. What ends in key or pass is one too often to ask which key.
	telling = regexp.MustCompile(`(?i)pass(?:w|phrase|code|in|out)|secret|token|credential|bearer|authoriz|cookie|(?:keys?|pass|pwd|pw|psk|auth|creds?|basic)\d*(?:$|[._-])`)
	// named matches a name and what stands between it and its value: = or : with quotes and brackets, or space.
	named = regexp.MustCompile(`([\w.-]+)(?:[\\"'\])}\s]*[=:]+>?\s*|[\\"']*\s+)`)
	// bare matches a name at the end of an argument: its value is the next one.
	bare = regexp.MustCompile(`(?:^|[\s"'(])([\w.-]+)["']?$`)
	// userinfo matches who a URL is for. The name is left out too, since some services take a token there.
	userinfo = regexp.MustCompile(`(?s)://.*@`)
	word     = regexp.MustCompile(`\S+`)
)

// secretLetters are the flags of one letter that a secret follows, by how the name of the program starts.
var secretLetters = map[string]string{
	"mysql": "p", "mariadb": "p", "mongo": "p", "sshpass": "p", "login": "p", "7z": "p", "rar": "p",
	"curl": "uUb", "ldap": "w", "redis-cli": "a", "zip": "P", "unzip": "P", "smbclient": "U",
}

// masker hides secrets in the arguments of one process, first to last. Its zero value is ready to use.
type masker struct {
	letters string // secretLetters of the programs named so far
	next    bool   // the next argument is a secret
	quote   string // a secret goes on until the argument that ends with this
}

// maskArguments returns the first of args, limit bytes and the argument that reaches it, as they may be shown. Where it
// cannot tell what is a secret, it hides too much.
func maskArguments(args []string, limit int) []string {
	var m masker
	var shown []string
	for i, arg := range args {
		shown = append(shown, m.argument(arg))
		if i == 0 && !strings.ContainsAny(arg, " \t\n") {
			m.next = false // the name of a program is not a flag: sshpass
		}
		if limit -= len(shown[i]); limit <= 0 {
			break
		}
	}
	return shown
}

// argument returns arg as it may be shown.
func (m *masker) argument(arg string) string {
	if m.quote != "" {
		if strings.HasSuffix(arg, m.quote) {
			m.quote = ""
		}
		return mask
	}
	hidden := m.next
	m.next = false
	arg = userinfo.ReplaceAllString(arg, "://"+mask+"@")
	at := m.secretIn(arg)
	m.next = at == len(arg)
	switch {
	case hidden:
		m.next = m.next || strings.Trim(arg, "=:") == "" && arg != ""
		m.open(arg)
		return mask
	case at < 0 || at == len(arg):
		return arg
	}
	m.open(arg[at:])
	return arg[:at] + mask
}

// secretIn returns where in arg the first secret starts; all from there is hidden. It is the length of arg when the
// secret is the next argument, and negative when there is none.
func (m *masker) secretIn(arg string) int {
	at := -1
	for _, w := range word.FindAllStringIndex(arg, -1) {
		text := arg[w[0]:w[1]]
		if end := m.letterIn(text); end > 0 {
			at = w[0] + end
			at += len(arg[at:]) - len(strings.TrimLeft(arg[at:], " "))
			break
		}
		m.learn(strings.Trim(text, `"'();`))
	}
	for _, n := range named.FindAllStringSubmatchIndex(arg, -1) {
		if m.tells(arg[n[2]:n[3]]) && (at < 0 || n[1] < at) {
			at = n[1]
		}
	}
	if n := bare.FindStringSubmatch(arg); at < 0 && n != nil && m.tells(n[1]) {
		at = len(arg)
	}
	return at
}

// tells says whether a secret follows a name. That of --user is one where -u is.
func (m *masker) tells(name string) bool {
	return telling.MatchString(name) || strings.Contains(m.letters, "u") && strings.HasSuffix(name, "user")
}

// letterIn returns the end of a one-letter flag that a secret follows, in a word such as -psecret or -sSu; 0: none.
func (m *masker) letterIn(text string) int {
	if m.letters == "" || text[0] != '-' || strings.HasPrefix(text, "--") {
		return 0
	}
	return strings.IndexAny(text, m.letters) + 1
}

// learn takes note of a program. It may be named by another, as by sudo or sh -c.
func (m *masker) learn(name string) {
	name = strings.ToLower(path.Base(name))
	for prefix, letters := range secretLetters {
		if strings.HasPrefix(name, prefix) && !strings.Contains(m.letters, letters) {
			m.letters += letters
		}
	}
}

// open notes a quoted secret that goes on in the next argument, as where a system tells the arguments split at spaces.
func (m *masker) open(secret string) {
	for _, quote := range []string{`"`, `'`} {
		if strings.HasPrefix(secret, quote) && strings.Count(secret, quote) == 1 {
			m.quote, m.next = quote, false
		}
	}
}
