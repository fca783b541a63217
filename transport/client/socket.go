package client

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/pulsewall/pulsewall/transport/wsconn"
)

const (
	subprotocol  = "pulsewall.v1"
	pingEvery    = 15 * time.Second
	longestQuiet = 40 * time.Second // a little more than the server allows, who pings as well
)

// socket is a WebSocket.
type socket struct {
	conn   *wsconn.Conn
	stop   context.CancelFunc
	tended sync.WaitGroup
}

func openSocket(ctx context.Context, l *link, after string) (wire, error) {
	c := l.c
	header := http.Header{}
	for name, values := range c.opts.Header {
		header[name] = values
	}
	address := "ws" + strings.TrimPrefix(c.opts.address("/live/ws?"+c.query(after).Encode()), "http")
	conn, resp, err := wsconn.Dial(ctx, address, wsconn.DialOptions{
		Options: wsconn.Options{Subprotocol: subprotocol, ReadLimit: mostEvent, WriteTimeout: answerWithin},
		Header:  header, Client: c.http,
	})
	if err != nil {
		if resp != nil && resp.StatusCode != http.StatusSwitchingProtocols {
			defer resp.Body.Close()
			return nil, refusal(resp)
		}
		return nil, err
	}
	s := &socket{conn: conn}
	tending, stop := context.WithCancel(ctx)
	s.stop = stop
	s.tended.Go(func() {
		if err := conn.Tend(tending, pingEvery, longestQuiet); err != nil {
			conn.CloseNow()
		}
	})
	return s, nil
}

func (s *socket) next() ([]item, error) {
	text, err := s.conn.Read()
	if err != nil {
		return nil, err
	}
	var e wireEvent
	if err := json.Unmarshal(text, &e); err != nil {
		return nil, errors.Join(errors.New("client: a frame that is no event"), err)
	}
	return []item{{event: e, bytes: len(text)}}, nil
}

func (s *socket) send(text []byte) error { return s.conn.Send(text) }

func (s *socket) close() {
	s.stop()
	s.conn.CloseNow()
	s.tended.Wait()
}
