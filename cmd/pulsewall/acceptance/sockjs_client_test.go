package acceptance

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
)

// The packages of the client with their checksums, and two programs that use it.
var (
	//go:embed testdata/sockjs/package.json
	sockJSPackage []byte
	//go:embed testdata/sockjs/package-lock.json
	sockJSLock []byte
	//go:embed testdata/sockjs/chat.js
	sockJSChat []byte
	//go:embed testdata/sockjs/chat.html
	sockJSChatPage []byte
)

// sockJSClient returns the folder in the user's cache that has the client. npm gets it the first time, from wherever the user's npm is set to
// get things, and checks it.
func sockJSClient(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(sockJSLock)
	dir := filepath.Join(cache, "pulsewall", "sockjs-client-"+hex.EncodeToString(sum[:8]))
	if _, err := os.Stat(dir); err == nil {
		return dir
	}
	npm := tool(t, "npm", "npm")
	if err := os.MkdirAll(filepath.Dir(dir), 0o750); err != nil {
		t.Fatal(err)
	}
	part, err := os.MkdirTemp(filepath.Dir(dir), "part")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(part) }()
	for name, content := range map[string][]byte{"package.json": sockJSPackage, "package-lock.json": sockJSLock} {
		if err := os.WriteFile(filepath.Join(part, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
	cmd.Dir = part
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("get sockjs-client by npm: %v\n%s", err, out)
	}
	if err := os.Rename(part, dir); err != nil && !errors.Is(err, fs.ErrExist) { // else another process was faster
		t.Fatal(err)
	}
	return dir
}

// sockJSPage serves the chat page on a site of its own, and returns its origin.
func sockJSPage(t *testing.T, client string) (origin string) {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(sockJSChatPage) })
	mux.HandleFunc("GET /sockjs.min.js", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, filepath.Join(client, "node_modules/sockjs-client/dist/sockjs.min.js"))
	})
	mux.HandleFunc("GET /favicon.ico", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s.URL
}

// uncomplaining fails the test if the page has complained.
func (p *tab) uncomplaining() {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, line := range p.trouble {
		p.t.Errorf("the page complains: %s", line)
	}
}

// inTab is a client on the chat page.
type inTab struct {
	tab       *tab
	transport string
}

func enterInTab(p *tab, transport, address string) sockJSUser {
	p.act(fmt.Sprintf("enter(%q, %q)", transport, address))
	return inTab{p, transport}
}

func (u inTab) String() string { return "Chromium by " + u.transport }
func (u inTab) room() string   { return fmt.Sprintf("rooms[%q]", u.transport) }

func (u inTab) opened(t *testing.T) {
	t.Helper()
	eventually(t, slowly, func() error {
		got, err := eval[string](u.tab, u.room()+`.open + "|" + `+u.room()+`.closed`)
		if err == nil && got != u.transport+"|" {
			err = fmt.Errorf("%s: opened|closed %q", u, got)
		}
		return err
	})
}

func (u inTab) say(t *testing.T, text string) {
	t.Helper()
	quoted, err := json.Marshal(text)
	if err != nil {
		t.Fatal(err)
	}
	u.tab.act(fmt.Sprintf("%s.sock.send(%s)", u.room(), quoted))
}

func (u inTab) heard(t *testing.T) []string {
	t.Helper()
	texts, err := eval[[]string](u.tab, u.room()+".texts")
	if err != nil {
		t.Fatal(err)
	}
	return texts
}

func (u inTab) leave(*testing.T) { u.tab.act(u.room() + ".sock.close()") }

// inNode is a client in a process of Node.
type inNode struct {
	transport string
	in        io.WriteCloser
	said      *tail // what Node itself has to say

	mu     sync.Mutex
	open   string   // guarded by mu
	closed string   // guarded by mu
	texts  []string // guarded by mu
}

func enterInNode(t *testing.T, client, transport, address string) sockJSUser {
	t.Helper()
	script := filepath.Join(t.TempDir(), "chat.js")
	if err := os.WriteFile(script, sockJSChat, 0o600); err != nil {
		t.Fatal(err)
	}
	u := &inNode{transport: transport, said: &tail{}}
	cmd := exec.Command(tool(t, "node", "nodejs"), script, client, address, transport)
	cmd.Stderr = u.said
	var err error
	if u.in, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	read := make(chan struct{})
	go func() { defer close(read); u.read(out) }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-read
		_ = cmd.Wait()
		if t.Failed() && u.said.String() != "" {
			t.Logf("%s: %s", u, u.said)
		}
	})
	return u
}

func (u *inNode) read(out io.Reader) {
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		var what struct{ Open, Text, Close *string }
		if json.Unmarshal(bytes.TrimSpace(line), &what) != nil {
			_, _ = u.said.Write(line)
			continue
		}
		u.mu.Lock()
		switch {
		case what.Open != nil:
			u.open = *what.Open
		case what.Close != nil:
			u.closed = *what.Close
		case what.Text != nil:
			u.texts = append(u.texts, *what.Text)
		}
		u.mu.Unlock()
	}
}

func (u *inNode) String() string { return "Node by " + u.transport }

func (u *inNode) opened(t *testing.T) {
	t.Helper()
	eventually(t, slowly, func() error {
		u.mu.Lock()
		defer u.mu.Unlock()
		if u.open != u.transport || u.closed != "" {
			return fmt.Errorf("%s: opened %q, closed %q, said %s", u, u.open, u.closed, u.said)
		}
		return nil
	})
}

func (u *inNode) say(t *testing.T, text string) {
	t.Helper()
	line, err := json.Marshal(text)
	if err == nil {
		_, err = u.in.Write(append(line, '\n'))
	}
	if err != nil {
		t.Fatalf("%s: %v", u, err)
	}
}

func (u *inNode) heard(*testing.T) []string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return slices.Clone(u.texts)
}

func (u *inNode) leave(*testing.T) { _ = u.in.Close() }
