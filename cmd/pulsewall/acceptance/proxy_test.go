package acceptance

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// proxy is the network between a browser and a site. It can take WebSocket handshakes without an answer, and it can stop to
// carry anything while every connection stays open.
type proxy struct {
	URL    string
	target string
	l      net.Listener
	wg     sync.WaitGroup

	mu      sync.Mutex
	swallow bool
	frozen  chan struct{} // closed when the network carries again; nil while it does
	conns   map[net.Conn]bool
	closed  bool
}

func newProxy(t *testing.T, target string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{URL: "http://" + l.Addr().String(), target: strings.TrimPrefix(target, "http://"), l: l, conns: make(map[net.Conn]bool)}
	p.wg.Go(p.accept)
	t.Cleanup(p.close)
	return p
}

func (p *proxy) close() {
	p.mu.Lock()
	p.closed = true
	_ = p.l.Close()
	for c := range p.conns {
		_ = c.Close()
	}
	p.mu.Unlock()
	p.freeze(false)
	p.wg.Wait()
}

// swallowWebSockets makes WebSocket handshakes wait for ever. Those that wait when it ends are cut.
func (p *proxy) swallowWebSockets(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.swallow = on
}

// freeze stops the network: nothing is carried and nobody is told.
func (p *proxy) freeze(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case on && p.frozen == nil:
		p.frozen = make(chan struct{})
	case !on && p.frozen != nil:
		close(p.frozen)
		p.frozen = nil
	}
}

// carry waits while the network is frozen.
func (p *proxy) carry() {
	p.mu.Lock()
	frozen := p.frozen
	p.mu.Unlock()
	if frozen != nil {
		<-frozen
	}
}

// own makes sure that c is closed with the proxy.
func (p *proxy) own(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		_ = c.Close()
		return false
	}
	p.conns[c] = true
	return true
}

func (p *proxy) disown(c net.Conn) {
	_ = c.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
}

func (p *proxy) accept() {
	for {
		c, err := p.l.Accept()
		if err != nil {
			return
		}
		p.wg.Go(func() { p.serve(c) })
	}
}

func (p *proxy) serve(client net.Conn) {
	if !p.own(client) {
		return
	}
	defer p.disown(client)
	in := bufio.NewReader(client)
	var head bytes.Buffer
	r, err := http.ReadRequest(bufio.NewReader(io.TeeReader(in, &head)))
	if err != nil {
		return
	}
	p.mu.Lock()
	swallow := p.swallow && strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
	p.mu.Unlock()
	if swallow {
		_, _ = io.Copy(io.Discard, in)
		return
	}
	p.carry()
	server, err := net.Dial("tcp", p.target)
	if err != nil || !p.own(server) {
		return
	}
	defer p.disown(server)
	up := make(chan struct{})
	go func() {
		defer close(up)
		p.pump(server, io.MultiReader(&head, in))
		p.disown(server)
	}()
	p.pump(client, server)
	p.disown(client)
	<-up
}

func (p *proxy) pump(to io.Writer, from io.Reader) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		p.carry()
		if n > 0 {
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
