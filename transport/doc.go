// Package transport carries readings and messages to browsers and programs. A [Hub] holds the newest [Update] of each
// topic and a log of messages. A [Session] is a position in both: it has no queue, it asks what is newer than its
// position. WebSocket, SSE and long poll are three writers around that question, [Session.Next]. Nothing here knows what
// an update means, which page shows it or which node it came from.
//
// Sessions are divided among shards, each a goroutine: one less than may run at a time, so that who publishes does not wait for who writes.
// Who publishes rings the shards. A shard writes to the streams that have caught up, without waiting for any; one whose client does not take
// all at once gets a goroutine until it has caught up again. A stream that cannot be tried, as over TLS, keeps the goroutine of its handler,
// which waits in Next.
//
// With other nodes, the log follows their common order by [Hub.Append] and [Hub.Restart], presence is that of a [Roster],
// and a position that is ahead is looked up before a client is told that messages may be missing.
//
// What a client sees is told in docs/protocol.md; the invariants are in ARCHITECTURE.md.
package transport

// Format is how readings are written for a client.
type Format uint8

// The formats of the live query.
const (
	JSON Format = iota // readings as data
	HTML               // readings as the fragment that the page shows
	formats
)

// Kind is a transport, by its name in hello, presence and metrics.
type Kind string

// The transports.
const (
	WebSocket Kind = "websocket"
	SSE       Kind = "sse"
	LongPoll  Kind = "poll"

	// Those of older clients.
	Pushes Kind = "msg"
	Texts  Kind = "message"
	SockJS Kind = "sockjs"
)

// Kinds are all transports: those that a client tries, in that order, then those of older clients.
var Kinds = [...]Kind{WebSocket, SSE, LongPoll, Pushes, Texts, SockJS}
