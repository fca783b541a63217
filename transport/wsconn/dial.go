package wsconn

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"time"

	"nhooyr.io/websocket"

	"github.com/pulsewall/pulsewall/transport/patient"
)

// DialOptions of a handshake.
type DialOptions struct {
	Options
	Header http.Header
	Client *http.Client // default: one like http.DefaultClient; its Transport must be an *http.Transport
}

const (
	mostRefusal = 64 << 10        // bytes kept of a refusal's body
	refusalWait = 3 * time.Second // for them

	mostRedirects = 10
)

// Dial opens a WebSocket to a ws, wss, http or https address. A server that refuses is an error together with its response, of whose
// body 64 KiB at most can be read; it needs no closing. The connection outlives ctx. The caller must close it.
func Dial(ctx context.Context, url string, opts DialOptions) (*Conn, *http.Response, error) {
	d, err := newDialler(opts)
	if err != nil {
		return nil, nil, err
	}
	defer d.CloseIdleConnections() // of a server that refused
	client := http.Client{}
	if opts.Client != nil {
		client = *opts.Client
	}
	client.Transport = d
	if client.CheckRedirect == nil {
		client.CheckRedirect = few
	}
	var offered []string
	if opts.Subprotocol != "" {
		offered = []string{opts.Subprotocol}
	}
	lib, response, err := websocket.Dial(ctx, url, &websocket.DialOptions{
		HTTPClient: &client, HTTPHeader: opts.Header, Subprotocols: offered, CompressionMode: opts.compression(),
	})
	if err != nil {
		if response != nil {
			response.Body = io.NopCloser(bytes.NewReader(d.refusal))
		}
		return nil, response, fmt.Errorf("dial %s: %w", url, err)
	}
	conn := newConn(lib, d.socket, opts.Options)
	conn.form = maskedFrame
	return conn, response, nil
}

// few is the rule of net/http, which the library puts out of force.
func few(_ *http.Request, via []*http.Request) error {
	if len(via) >= mostRedirects {
		return fmt.Errorf("wsconn: %d redirects", len(via))
	}
	return nil
}

// dialler makes one handshake and hands the library our socket as its body.
type dialler struct {
	*http.Transport
	timeout time.Duration
	socket  *socket
	refusal []byte
}

// newDialler copies the client's transport, so that below TLS there is a socket that is patient.
func newDialler(opts DialOptions) (*dialler, error) {
	through := http.DefaultTransport
	if opts.Client != nil && opts.Client.Transport != nil {
		through = opts.Client.Transport
	}
	like, ok := through.(*http.Transport)
	if !ok {
		return nil, fmt.Errorf("wsconn: the client's transport is a %T: want an *http.Transport", through)
	}
	d := &dialler{Transport: like.Clone(), timeout: opts.WriteTimeout}
	dial := d.DialContext
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	d.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return patient.Wrap(conn), nil
	}
	return d, nil
}

// RoundTrip makes a handshake, or a request that the server redirected.
func (d *dialler) RoundTrip(r *http.Request) (*http.Response, error) {
	var below net.Conn
	trace := &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) { below = info.Conn }}
	response, err := d.Transport.RoundTrip(r.WithContext(httptrace.WithClientTrace(r.Context(), trace)))
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusSwitchingProtocols {
		d.keep(response)
		return response, nil
	}
	body, ok := response.Body.(io.ReadWriteCloser)
	if !ok || below == nil {
		return nil, errors.Join(errors.New("wsconn: no socket to write to"), response.Body.Close())
	}
	if paced := patient.Of(below); paced != nil {
		below = paced
	}
	d.socket = newSocket(&dialled{Conn: below, body: body}, d.timeout)
	response.Body = d.socket
	return response, nil
}

// keep reads what a server says that refuses.
func (d *dialler) keep(response *http.Response) {
	late := time.AfterFunc(refusalWait, func() { _ = response.Body.Close() }) // what has come by then is kept
	defer late.Stop()
	d.refusal, _ = io.ReadAll(io.LimitReader(response.Body, mostRefusal))
	_ = response.Body.Close()
	response.Body = http.NoBody
}

// dialled is the connection after the handshake: what came with the answer is read first, and TLS, where there is some, is in between.
type dialled struct {
	net.Conn // whose deadlines count
	body     io.ReadWriteCloser
}

func (c *dialled) Read(p []byte) (int, error)  { return c.body.Read(p) }
func (c *dialled) Write(p []byte) (int, error) { return c.body.Write(p) }
func (c *dialled) Close() error                { return c.body.Close() }

// NetConn is what the deadlines are set on.
func (c *dialled) NetConn() net.Conn { return c.Conn }
