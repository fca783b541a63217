//go:build unix

package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// Frames of RFC 6455 that a client meets here: the server sends whole, unmasked ones.
const (
	opText  = 0x81
	opPing  = 0x89
	opPong  = 0x8a
	masked  = 0x80
	len16   = 126
	len64   = 127
	mostLen = 8 << 20
)

// quietFor is how long a stream may be silent: longer than the heartbeat of any node.
const quietFor = 40 * time.Second

// clientBuffer is what a client reads at a time, in bytes.
const clientBuffer = 64 << 10

// stream is a WebSocket client with as little work of its own as can be.
type stream struct {
	conn net.Conn
	in   *bufio.Reader
}

// event is what a client gets.
type event struct {
	at    time.Time // when it was read
	Event string
	Data  json.RawMessage
}

// dial opens the live address of a node.
func dial(addr, query string) (*stream, error) {
	conn, err := net.DialTimeout("tcp", addr, answerWithin)
	if err != nil {
		return nil, err
	}
	s := &stream{conn: conn, in: bufio.NewReaderSize(conn, clientBuffer)}
	if err := s.upgrade(addr, query); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return s, nil
}

func (s *stream) upgrade(addr, query string) error {
	if err := s.conn.SetDeadline(time.Now().Add(answerWithin)); err != nil {
		return err
	}
	// The key need not be random: it tells caches, of which there are none here, that this is a handshake.
	_, err := fmt.Fprintf(s.conn, "GET /live/ws?%s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: cHVsc2ViZW5jaC1ydW5zIQ==\r\n\r\n", query, addr)
	if err != nil {
		return err
	}
	answer, err := http.ReadResponse(s.in, nil)
	if err != nil {
		return err
	}
	defer answer.Body.Close() // of a refusal; the stream is not a body
	if answer.StatusCode != http.StatusSwitchingProtocols {
		said, _ := io.ReadAll(io.LimitReader(answer.Body, 4<<10))
		return fmt.Errorf("open a WebSocket: %s: %s", answer.Status, said)
	}
	return nil
}

// watch calls note with each event until the stream ends, of which it tells the others by fail.
func (s *stream) watch(fail context.CancelCauseFunc, note func(event)) {
	for {
		e, err := s.next()
		if err != nil {
			fail(fmt.Errorf("the stream ended: %w", err))
			return
		}
		note(e)
	}
}

// next returns the next event and answers pings meanwhile.
func (s *stream) next() (event, error) {
	for {
		op, payload, err := s.frame()
		if err != nil {
			return event{}, err
		}
		switch op {
		case opText:
			e := event{at: time.Now()}
			err := json.Unmarshal(payload, &e)
			return e, err
		case opPing:
			if err := s.send(opPong, payload); err != nil {
				return event{}, err
			}
		case opPong:
		default:
			return event{}, fmt.Errorf("frame %#x %q", op, payload)
		}
	}
}

// send writes a frame of 125 bytes at most. Its mask is of zeros, which leaves the payload as it is.
func (s *stream) send(op byte, payload []byte) error {
	_, err := s.conn.Write(append([]byte{op, masked | byte(len(payload)), 0, 0, 0, 0}, payload...))
	return err
}

// subscribe asks for the readings of one more subscription.
func (s *stream) subscribe(sub string) error {
	return s.send(opText, fmt.Appendf(nil, `{"op":"subscribe","sub":%q}`, sub))
}

func (s *stream) frame() (byte, []byte, error) {
	if err := s.conn.SetDeadline(time.Now().Add(quietFor)); err != nil {
		return 0, nil, err
	}
	var head [10]byte
	if _, err := io.ReadFull(s.in, head[:2]); err != nil {
		return 0, nil, err
	}
	op, size := head[0], uint64(head[1])
	var err error
	switch size {
	case len16:
		_, err = io.ReadFull(s.in, head[:2])
		size = uint64(binary.BigEndian.Uint16(head[:2]))
	case len64:
		_, err = io.ReadFull(s.in, head[:8])
		size = binary.BigEndian.Uint64(head[:8])
	}
	if err == nil && size > mostLen {
		err = fmt.Errorf("a frame of %d bytes", size)
	}
	if err != nil {
		return 0, nil, err
	}
	payload := make([]byte, size)
	_, err = io.ReadFull(s.in, payload)
	return op, payload, err
}

// close ends the stream; next returns an error.
func (s *stream) close() { _ = s.conn.Close() }
