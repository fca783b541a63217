package dashboard

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/pulsewall/pulsewall/transport"
)

// textsRoom is the room of the log in which the clients of /message are.
const textsRoom = "message"

// getTexts serves /message: what a client says goes to all of them, itself included, on every node.
func (d *Dashboard) getTexts(w http.ResponseWriter, r *http.Request) {
	v := &Visit{Transport: transport.Texts, Rooms: []string{textsRoom}}
	d.openOlder(w, r, v, func(_ context.Context, s *olderSocket) (answerer, func()) { return s.tellAll, func() {} })
}

// tellAll sends a text to the room. It comes back to the client as to everybody there, so there is no other answer.
func (s *olderSocket) tellAll(ctx context.Context, text []byte) ([]byte, error) {
	if string(text) == "ping" { // a heartbeat
		return nil, nil
	}
	data, err := marshal(string(text))
	if err != nil {
		return nil, err
	}
	to := transport.Address{Room: textsRoom}
	if err := s.maySend(ctx, to, data); err != nil {
		return nil, err
	}
	_, err = s.d.send(ctx, draft{
		to: to, data: data, from: transport.Sender{UnionID: s.visit.UnionID, Name: s.visit.Name}, session: s.Session(), addr: s.addr,
	})
	return nil, err
}

// maySend asks the program whether the client may send a message.
func (s *olderSocket) maySend(ctx context.Context, to transport.Address, data json.RawMessage) error {
	if s.visit.Allow == nil {
		return nil
	}
	address, err := marshal(to)
	if err != nil {
		return err
	}
	return s.d.askAllow(ctx, s.visit, transport.Op{Op: "send", To: address, Data: data})
}
