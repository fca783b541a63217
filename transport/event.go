package transport

import (
	"bytes"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/klauspost/compress/flate"

	"github.com/pulsewall/pulsewall/transport/wsconn"
)

// event is one thing sent to clients: a name, an id where it has a position, and data as JSON. Each of its forms is made
// once, on first need, however many clients get it.
type event struct {
	name string
	id   string
	data []byte

	retry   time.Duration // of a bye
	message *Message      // of a message
	lost    string        // of a reset: why messages may be missing

	object, ws, wsDeflated, sse, sseDeflated, bare form
}

// form is bytes that are made once.
type form struct {
	once  sync.Once
	bytes []byte
}

func (f *form) get(make func() []byte) []byte {
	f.once.Do(func() { f.bytes = make() })
	return f.bytes
}

// newEvent encodes data, which is always one of this package's own structs or maps and so cannot fail.
func newEvent(name, id string, data any) *event {
	b, err := marshal(data)
	if err != nil {
		panic(fmt.Sprintf("transport: encode %s: %v", name, err))
	}
	return &event{name: name, id: id, data: b}
}

// marshal is json.Marshal that leaves < and & as they are: six bytes each, and no client reads events as HTML.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// asObject is {"event":…,"id":…,"data":…}: the text of a WebSocket message and an element of a long poll's answer.
func (e *event) asObject() []byte {
	return e.object.get(func() []byte {
		b := make([]byte, 0, len(e.data)+len(e.name)+len(e.id)+32)
		b = append(b, `{"event":"`...)
		b = append(b, e.name...)
		if e.id != "" {
			b = append(b, `","id":"`...)
			b = append(b, e.id...)
		}
		b = append(b, `","data":`...)
		b = append(b, e.data...)
		return append(b, '}')
	})
}

// asFrame is the event as a whole WebSocket frame.
func (e *event) asFrame(deflated bool) []byte {
	if !deflated || len(e.data) < worthDeflating {
		return e.ws.get(func() []byte { return wsconn.TextFrame(e.asObject()) })
	}
	return e.wsDeflated.get(func() []byte { return wsconn.DeflatedFrame(segment(e.asObject())) })
}

// asSSE is the event in the form of text/event-stream (WHATWG HTML, Server-sent events). JSON holds no raw line breaks.
func (e *event) asSSE() []byte {
	return e.sse.get(func() []byte { return e.sseWith("") })
}

// asSSESegment is the same as a deflate segment of its own.
func (e *event) asSSESegment() []byte {
	return e.sseDeflated.get(func() []byte { return segment(e.asSSE()) })
}

// sseWith writes the event with further lines, for example a retry.
func (e *event) sseWith(lines string) []byte {
	b := make([]byte, 0, len(e.data)+len(e.name)+len(e.id)+len(lines)+32)
	b = append(b, lines...)
	b = append(b, "event: "...)
	b = append(b, e.name...)
	if e.id != "" {
		b = append(b, "\nid: "...)
		b = append(b, e.id...)
	}
	b = append(b, "\ndata: "...)
	b = append(b, e.data...)
	return append(b, "\n\n"...)
}

// worthDeflating is the size from which deflating saves more than it costs, in bytes.
const worthDeflating = 256

var deflaters = sync.Pool{New: func() any {
	w, err := flate.NewWriter(nil, 5)
	if err != nil {
		panic(err) // only a level out of range can do that
	}
	return w
}}

// segment deflates p (RFC 1951) into blocks that refer to nothing before them and end with a sync flush (00 00 FF FF), so that
// one segment serves every client, at any place in its stream.
func segment(p []byte) []byte {
	var b bytes.Buffer
	w := deflaters.Get().(*flate.Writer)
	defer deflaters.Put(w)
	w.Reset(&b)
	_, _ = w.Write(p) // a bytes.Buffer takes everything
	_ = w.Flush()
	return b.Bytes()
}
