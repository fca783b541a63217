// Package assets holds what browsers load beside the pages: the client script, the styles and uPlot. All of it is
// embedded and served under names that carry a hash of the content, so that it may be cached for ever.
package assets

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"net/http"
	"path"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

//go:embed *.js *.css *.svg
var files embed.FS

// client are the parts of pulsewall.js in the order in which they need each other. Browsers get them as one file.
var client = []string{
	"dom.js", "words.js", "clock.js", "rungs.js", "link.js", "recovery.js", "ops.js", "scale.js", "chart.js",
	"tally.js", "panel.js", "message.js", "raised.js", "notices.js", "header.js", "place.js", "attend.js", "page.js", "listen.js",
}

// room are the parts of room.js, which pages of rooms have after pulsewall.js: dashboards are lighter without.
var room = []string{"chatlog.js", "chatbox.js", "chat.js"}

// blanks and comments are a tenth of a style sheet's weight.
var blanks = regexp.MustCompile(`(?s)/\*.*?\*/|\s*([{};,])\s*|(:) +`)

// types of what is served, by extension.
var types = map[string]string{
	".js":  "text/javascript; charset=utf-8",
	".css": "text/css; charset=utf-8",
	".svg": "image/svg+xml",
}

// worthGzip is the size in bytes from which compressing is worth a header.
const worthGzip = 256

// asset is one file as it is served.
type asset struct {
	url    string
	hash   string // in the address
	kind   string
	plain  []byte
	gziped func() []byte // made when first asked for, lest a start wait for all; nil where it would not be smaller
}

// catalog has the assets by plain name and by address.
type catalog struct {
	byName, byURL map[string]*asset
}

var load = sync.OnceValue(func() catalog {
	c := catalog{byName: make(map[string]*asset), byURL: make(map[string]*asset)}
	c.add("pulsewall.js", script(client))
	c.add("guest.js", script(guest))
	c.add("room.js", script(room))
	entries, err := files.ReadDir(".")
	if err != nil {
		panic(err) // an embedded directory is always there
	}
	for _, e := range entries {
		content := read(e.Name())
		if path.Ext(e.Name()) == ".css" && e.Name() != "uPlot.css" { // somebody else's, with a notice in it
			content = blanks.ReplaceAll(blanks.ReplaceAll(content, []byte("$1$2")), []byte("$1$2")) // what stood around a comment goes next
		}
		c.add(e.Name(), content)
	}
	return c
})

// script is one file made of parts.
func script(names []string) []byte {
	parts := make([][]byte, 0, len(names))
	for _, name := range names {
		parts = append(parts, squeeze(read(name)))
	}
	return bytes.Join(parts, []byte("\n"))
}

func read(name string) []byte {
	b, err := files.ReadFile(name)
	if err != nil {
		panic(err) // a name in client is no file
	}
	return b
}

func (c catalog) add(name string, content []byte) {
	sum := sha256.Sum256(content)
	ext, hash := path.Ext(name), hex.EncodeToString(sum[:4])
	a := &asset{
		url:    "/assets/" + strings.TrimSuffix(name, ext) + "-" + hash + ext,
		hash:   hash,
		kind:   types[ext],
		plain:  content,
		gziped: sync.OnceValue(func() []byte { return compress(content) }),
	}
	c.byName[name], c.byURL[a.url] = a, a
}

func compress(content []byte) []byte {
	if len(content) < worthGzip {
		return nil
	}
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		panic(err) // only a level out of range can do that
	}
	_, _ = w.Write(content) // a bytes.Buffer takes everything
	_ = w.Close()
	if b.Len() >= len(content) {
		return nil
	}
	return b.Bytes()
}

// URL returns the address of an asset by its plain name, "pulsewall.js" or "icon.svg": "/assets/pulsewall-1f00ba12.js".
// It panics when there is no such asset, which is a mistake in the program.
func URL(name string) string {
	a := load().byName[name]
	if a == nil {
		panic(fmt.Sprintf("assets: there is no %q", name))
	}
	return a.url
}

// Handler serves the addresses that URL returns, below /assets/, and nothing else.
func Handler() http.Handler {
	assets := load()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "assets can only be read", http.StatusMethodNotAllowed)
			return
		}
		a := assets.byURL[r.URL.Path]
		if a == nil {
			http.Error(w, "there is no such asset; addresses change with the content", http.StatusNotFound)
			return
		}
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		w.Header().Set("Vary", "Accept-Encoding")
		a.serve(w, r)
	})
}

func (a *asset) serve(w http.ResponseWriter, r *http.Request) {
	h, body := w.Header(), a.plain
	h.Set("Content-Type", a.kind)
	h.Set("X-Content-Type-Options", "nosniff")
	if acceptsGzip(r) {
		if small := a.gziped(); small != nil {
			h.Set("Content-Encoding", "gzip")
			body = small
		}
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method == http.MethodGet {
		_, _ = w.Write(body) // who went away needs no answer
	}
}

// acceptsGzip reads Accept-Encoding (RFC 9110, 12.5.3), as streams do.
func acceptsGzip(r *http.Request) bool {
	for _, line := range r.Header.Values("Accept-Encoding") {
		for part := range strings.SplitSeq(line, ",") {
			coding, weight, _ := strings.Cut(part, ";")
			if strings.EqualFold(strings.TrimSpace(coding), "gzip") {
				_, q, weighted := strings.Cut(weight, "=")
				return !weighted || strings.Trim(strings.TrimSpace(q), "0.") != ""
			}
		}
	}
	return false
}
