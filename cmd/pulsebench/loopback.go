//go:build unix

package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"
)

// loopback is a socket from the bench to itself, with the client at its end that also watches the nodes. So much of a hop is that
// last way, and would be there with any server.
type loopback struct {
	took     chan time.Duration
	began    time.Time
	conn     net.Conn
	client   *stream
	watching sync.WaitGroup
}

// newLoopback connects. Receipts beyond as many as may wait to be taken are dropped. The caller must close it.
func newLoopback(waiting int) (*loopback, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	defer func() { _ = listener.Close() }() // it took the one connection that it was for
	dialled, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		return nil, err
	}
	accepted, err := listener.Accept()
	if err != nil {
		return nil, errors.Join(err, dialled.Close())
	}
	l := &loopback{
		took: make(chan time.Duration, waiting), began: time.Now(), conn: accepted,
		client: &stream{conn: dialled, in: bufio.NewReaderSize(dialled, clientBuffer)},
	}
	_, stop := context.WithCancelCause(context.Background())
	l.watching.Go(func() { l.client.watch(stop, l.note) })
	return l, nil
}

func (l *loopback) note(e event) {
	var m message
	if json.Unmarshal(e.Data, &m) != nil {
		return
	}
	select {
	case l.took <- e.at.Sub(l.began) - time.Duration(m.Sent):
	default: // nobody takes them
	}
}

// send writes a frame of about as many bytes.
func (l *loopback) send(size int) error {
	pad := strings.Repeat("x", size)
	text := fmt.Appendf(nil, `{"event":"own","data":{"sent":%d,"pad":%q}}`, time.Since(l.began), pad)
	frame := binary.BigEndian.AppendUint16([]byte{opText, len16}, uint16(len(text))) // #nosec G115 -- a reading of the bench, or mostSize
	_, err := l.conn.Write(append(frame, text...))
	return err
}

func (l *loopback) close() {
	_ = l.conn.Close()
	l.client.close()
	l.watching.Wait()
}
