package dashboard

import (
	"context"
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
	return nil, s.d.sendOf(ctx, s.visit, draft{to: transport.Address{Room: textsRoom}, data: data, session: s.Session(), addr: s.addr})
}
