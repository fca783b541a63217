package acceptance

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// event is one event as any transport brings it.
type event struct {
	Event string          `json:"event"`
	ID    string          `json:"id"`
	Data  json.RawMessage `json:"data"`
}

// stream is one open connection of a program to the live address.
type stream interface {
	// next waits for the next event.
	next() (event, error)
	close()
}

// clients are connections of programs, which know no browser and no library for WebSockets. They trust every certificate.
var clients = &http.Client{Transport: &http.Transport{
	MaxIdleConnsPerHost: 100, ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
}}

// answer is that of a long poll.
type answer struct {
	Cursor string  `json:"cursor"`
	Events []event `json:"events"`
}

// poll asks a site's live address once.
func (s *site) poll(ctx context.Context, query string) (answer, error) {
	var got answer
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/live/poll?"+query, nil)
	if err != nil {
		return got, err
	}
	resp, err := clients.Do(req)
	if err != nil {
		return got, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return got, err
	}
	if resp.StatusCode != http.StatusOK {
		return got, fmt.Errorf("%s: %s", resp.Status, body)
	}
	return got, json.Unmarshal(body, &got)
}

// sse is a text/event-stream.
type sse struct {
	body io.ReadCloser
	in   *bufio.Reader
}

func (s *site) sse(ctx context.Context, query string) (*sse, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/live?"+query, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "text/event-stream")
	req.Header.Set("Accept-Encoding", "identity")
	resp, err := clients.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		return nil, fmt.Errorf("%s: %s", resp.Status, body)
	}
	return &sse{body: resp.Body, in: bufio.NewReader(resp.Body)}, nil
}

func (s *sse) close() { _ = s.body.Close() }

func (s *sse) next() (event, error) {
	var e event
	for {
		line, err := s.in.ReadString('\n')
		if err != nil {
			return e, err
		}
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch name {
		case "event":
			e.Event = value
		case "id":
			e.ID = value
		case "data":
			e.Data = append(e.Data, value...)
		case "":
			if e.Event != "" {
				return e, nil
			}
		case "retry":
		default:
			return e, fmt.Errorf("a line that is none of event, id, data, retry: %q", line)
		}
	}
}

// socket is a WebSocket (RFC 6455) without extensions.
type socket struct {
	conn net.Conn
	in   *bufio.Reader
}

// errClosed is the close frame of a server.
type errClosed struct {
	code   uint16
	reason string
}

func (e errClosed) Error() string { return fmt.Sprintf("closed %d %q", e.code, e.reason) }

func (s *site) socket(ctx context.Context, query string) (*socket, error) {
	return s.socketAt(ctx, "/live?"+query)
}

// socketAt opens one at any path.
func (s *site) socketAt(ctx context.Context, path string) (*socket, error) {
	scheme, host, _ := strings.Cut(s.URL, "://")
	var dialer interface {
		DialContext(ctx context.Context, network, address string) (net.Conn, error)
	} = new(net.Dialer)
	if scheme == "https" {
		dialer = &tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}}
	}
	conn, err := dialer.DialContext(ctx, "tcp", host)
	if err != nil {
		return nil, err
	}
	w := &socket{conn: conn, in: bufio.NewReader(conn)}
	if err := w.shake(host, path); err != nil {
		w.close()
		return nil, err
	}
	context.AfterFunc(ctx, w.close)
	return w, nil
}

func (w *socket) shake(host, path string) error {
	key := make([]byte, 16)
	_, _ = rand.Read(key) // never fails
	_, err := fmt.Fprintf(w.conn, "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n", path, host, base64.StdEncoding.EncodeToString(key))
	if err != nil {
		return err
	}
	resp, err := http.ReadResponse(w.in, nil)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		body, _ := io.ReadAll(resp.Body)
		return fmt.Errorf("%s: %s", resp.Status, body)
	}
	return nil
}

func (w *socket) close() { _ = w.conn.Close() }

func (w *socket) next() (event, error) {
	var e event
	for {
		op, payload, err := w.frame()
		switch {
		case err != nil:
			return e, err
		case op == 1:
			return e, json.Unmarshal(payload, &e)
		case op == 9:
			if err := w.send(10, payload); err != nil {
				return e, err
			}
		case op == 8 && len(payload) >= 2:
			return e, errClosed{binary.BigEndian.Uint16(payload), string(payload[2:])}
		case op == 8:
			return e, errClosed{}
		}
	}
}

func (w *socket) frame() (op byte, payload []byte, err error) {
	head := make([]byte, 2)
	if _, err := io.ReadFull(w.in, head); err != nil {
		return 0, nil, err
	}
	if head[0]&0xF0 != 0x80 || head[1]&0x80 != 0 {
		return 0, nil, fmt.Errorf("frame %x: want it whole, plain and unmasked", head)
	}
	n := uint64(head[1])
	if extra := map[byte]int{126: 2, 127: 8}[head[1]]; extra > 0 {
		wide := make([]byte, 8)
		if _, err := io.ReadFull(w.in, wide[8-extra:]); err != nil {
			return 0, nil, err
		}
		n = binary.BigEndian.Uint64(wide)
	}
	if n > 16<<20 {
		return 0, nil, errors.New("frame of more than 16 MiB")
	}
	payload = make([]byte, n)
	_, err = io.ReadFull(w.in, payload)
	return head[0] & 0xF, payload, err
}

// send writes one frame of less than 64 KiB.
func (w *socket) send(op byte, payload []byte) error {
	head := []byte{0x80 | op, 0x80 | byte(len(payload)&0x7F)}
	if len(payload) > 125 {
		head[1] = 0x80 | 126
		head = binary.BigEndian.AppendUint16(head, uint16(len(payload)))
	}
	_, err := w.conn.Write(append(append(head, 0, 0, 0, 0), payload...)) // a mask of zeros changes nothing
	return err
}

// send posts a message to a site.
func (s *site) send(ctx context.Context, message any) error {
	body, err := json.Marshal(message)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+"/api/messages", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := clients.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if answer, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusAccepted {
		return fmt.Errorf("%s: %s", resp.Status, answer)
	}
	return nil
}

// within ends a connection after d, so that next returns.
func within(c stream, d time.Duration) func() bool { return time.AfterFunc(d, c.close).Stop }
