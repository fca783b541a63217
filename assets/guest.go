package assets

import "net/http"

// guest are the parts of the client for pages of other sites: those of our own pages that need no page, and connect.js.
var guest = []string{"clock.js", "rungs.js", "link.js", "recovery.js", "ops.js", "outbox.js", "attend.js", "connect.js"}

// Client serves the script for pages of other sites at whatever address, and tells its ETag, which is of what it says, compressed or
// not. The caller decides how long it may be cached.
func Client() (h http.HandlerFunc, etag string) {
	client := load().byName["guest.js"]
	return client.serve, `W/"` + client.hash + `"`
}
