package client

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Transport is a way to connect.
type Transport string

// The transports, the best first.
const (
	WebSocket Transport = "ws"
	SSE       Transport = "sse"
	LongPoll  Transport = "poll"
)

// Options say what to watch, and as whom. Only URL is required.
type Options struct {
	// URL is where the pulsewall is, for example https://wall.example or http://127.0.0.1:7000/wall.
	URL string
	// UnionID is who the program is: a 64-bit integer. Messages to that user come to it, and those that it sends are from that user.
	UnionID string
	// Name is what to call it, 64 characters at most.
	Name string
	// Subs are subscriptions, feed[@node]/unionId/current/size[;key=value…]; 50 at most.
	Subs []string
	// Rooms are where it is; 50 at most.
	Rooms []string
	// Presence asks for Presence events, and for Room events of its rooms.
	Presence bool
	// After is a Cursor or the ID of a message to go on from, or "earliest" for every message still kept. The default is from now.
	After string
	// Transports are those to try, the best first. The default is all of them.
	Transports []Transport
	// Header is sent with every request.
	Header http.Header
	// HTTPClient makes the requests. Its Timeout does not apply to what stays open. The default is one of its own.
	HTTPClient *http.Client
	// Logger is told when the connection is made, lost and refused. The default discards that.
	Logger *slog.Logger
}

func (o Options) withDefaults() Options {
	o.Subs, o.Rooms = slices.Clone(o.Subs), slices.Clone(o.Rooms)
	if len(o.Transports) == 0 {
		o.Transports = []Transport{WebSocket, SSE, LongPoll}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// check says what no server could be asked.
func (o Options) check() error {
	u, err := url.Parse(o.URL)
	if err != nil {
		return fmt.Errorf("client: URL: %w", err)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return fmt.Errorf("client: URL %q: want http://host or https://host", o.URL)
	}
	for _, t := range o.Transports {
		if !slices.Contains([]Transport{WebSocket, SSE, LongPoll}, t) {
			return fmt.Errorf("client: transport %q: allowed are ws, sse and poll", t)
		}
	}
	return nil
}

// address is where a path of the pulsewall is.
func (o Options) address(path string) string { return strings.TrimSuffix(o.URL, "/") + path }
