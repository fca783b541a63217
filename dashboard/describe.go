package dashboard

import (
	"crypto/sha256"
	_ "embed" // the descriptions
	"encoding/hex"
	"net/http"
	"strconv"
)

// What programs may rely on, for programs that make clients of it: OpenAPI for requests, AsyncAPI for what travels on streams. Tests hold
// both against the server.
var (
	//go:embed openapi.yaml
	openAPI []byte
	//go:embed asyncapi.yaml
	asyncAPI []byte
)

// getDescription serves one of them. It changes only with the program.
func getDescription(text []byte) http.HandlerFunc {
	sum := sha256.Sum256(text)
	etag := `W/"` + hex.EncodeToString(sum[:8]) + `"`
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-cache")
		if notModified(w, r, etag) {
			return
		}
		w.Header().Set("Content-Type", "application/yaml") // RFC 9512
		w.Header().Set("Content-Length", strconv.Itoa(len(text)))
		if r.Method != http.MethodHead {
			_, _ = w.Write(text) // who went away needs no answer
		}
	}
}
