package wsconn

import (
	"bufio"
	"errors"
	"net"
	"net/http"

	"nhooyr.io/websocket"
)

// errNothing ends a read of the library when nothing more is there: between messages, but for one that was refused.
var errNothing = errors.New("wsconn: nothing to read")

// feed is the connection of a library's Conn that lives as long as there is input. It reads whole messages, and never waits.
type feed struct {
	net.Conn // nil: the library calls Read, Write and Close alone
	p        *parked
	unit     []byte // to be read
	refused  bool
}

func (f *feed) Read(b []byte) (int, error) {
	if len(f.unit) == 0 && !f.refused {
		var err error
		if f.unit, f.refused, err = f.p.pull(); err != nil {
			return 0, err
		}
	}
	if len(f.unit) == 0 {
		return 0, errNothing
	}
	n := copy(b, f.unit)
	f.unit = f.unit[n:]
	return n, nil
}

func (f *feed) Write(b []byte) (int, error) { return f.p.c.socket.Write(b) }

func (f *feed) Close() error { return nil }

// handshake is a request that was answered long ago, as the library makes a Conn of nothing else.
func handshake(deflated bool) *http.Request {
	header := http.Header{
		"Connection": {"Upgrade"}, "Upgrade": {"websocket"},
		"Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"AAAAAAAAAAAAAAAAAAAAAA=="},
	}
	if deflated {
		header.Set(extensions, "permessage-deflate")
	}
	return &http.Request{Method: http.MethodGet, ProtoMajor: 1, ProtoMinor: 1, Header: header}
}

var plainHandshake, deflatedHandshake = handshake(false), handshake(true) // the library only reads them

// reviver takes the answer to a handshake, which nobody gets, and gives the library the feed.
type reviver struct {
	header http.Header
	feed   *feed
}

func (r reviver) Header() http.Header         { return r.header }
func (r reviver) Write(p []byte) (int, error) { return len(p), nil }
func (r reviver) WriteHeader(int)             {}

func (r reviver) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	const small = 256 // holds any header and any control frame
	return r.feed, bufio.NewReadWriter(bufio.NewReaderSize(r.feed, small), bufio.NewWriterSize(r.feed, small)), nil
}

// revive makes a Conn of the library that reads from f. The caller must close it.
func (c *Conn) revive(f *feed) (*websocket.Conn, error) {
	request, opts := plainHandshake, websocket.AcceptOptions{CompressionMode: websocket.CompressionDisabled}
	if c.deflated {
		request, opts.CompressionMode = deflatedHandshake, websocket.CompressionNoContextTakeover
	}
	lib, err := websocket.Accept(reviver{make(http.Header), f}, request, &opts)
	if err != nil {
		return nil, err
	}
	lib.SetReadLimit(f.p.limit)
	return lib, nil
}
