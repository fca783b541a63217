package transport

import "time"

// trier is the part of an outlet that a delivery to an idle stream needs: the writer beneath it, where it has one that does the same. What is
// between the two would be fetched into the caches for each delivery.
type trier interface {
	Try(p []byte) (more bool, err error)
}

// outlet is the socket of a stream that takes without waiting, so that no goroutine needs to stand beside it.
type outlet interface {
	// Try writes p if the socket takes it now. It does not wait. What of p did not go out stays the outlet's, p itself and not a copy, and
	// goes out before anything else; more says that there is such a rest. An error says that the connection is over.
	Try(p []byte) (more bool, err error)
	// Write returns when the rest and p, which may be nil, are out. It waits as long as anything moves; wsconn.ErrSlow.
	Write(p []byte) error
	// Beat keeps the connection alive. It is called about once a second while nobody waits in Write, and fails when the client was quiet for
	// too long.
	Beat(now time.Time) (more bool, err error)
	// Receive returns at once. take gets each message of the client, one at a time, and may wait; ended is called once, when reading has
	// ended by itself or by the client; after CloseNow it may be left out.
	Receive(take func(message []byte) error, ended func(error))
	// Stop lets no more data out and ends a Write that waits.
	Stop()
	// CloseNow closes the socket without a word.
	CloseNow()
}

// coding is how events become bytes on a transport.
type coding uint8

const (
	wsPlain coding = iota
	wsDeflated
	ssePlain
	sseDeflated
	codings
)

// of is one event, made once for all who get it.
func (c coding) of(e *event) []byte {
	switch c {
	case wsPlain:
		return e.asFrame(false)
	case wsDeflated:
		return e.asFrame(true)
	}
	return sseForm(e, c == sseDeflated)
}

// join is several events as one piece.
func (c coding) join(events []*event) []byte {
	n := 0
	for _, e := range events {
		n += len(c.of(e))
	}
	b := make([]byte, 0, n)
	for _, e := range events {
		b = append(b, c.of(e)...)
	}
	return b
}
