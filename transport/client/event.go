package client

import (
	"encoding/json"
	"time"
)

// Event is one of Hello, Reading, Message, Reset, Presence, Room, Heartbeat, Bye and Lost.
type Event interface{ event() }

// Hello is the first event of each connection.
type Hello struct {
	Session   string    `json:"session"`
	Node      string    `json:"node"`
	Transport string    `json:"transport"` // as the server calls it: websocket, sse or poll
	Subs      []string  `json:"subs"`      // canonical, in the order asked for
	Time      time.Time `json:"time"`      // on the server's clock

	Heartbeat float64 `json:"heartbeat"` // seconds: no stream is silent for longer
}

// Message is something sent to all, to a room, to users, or to users in a room.
type Message struct {
	ID   string          `json:"id"`  // its position, good for Options.After
	Key  string          `json:"key"` // of the sender's, may be empty
	From Sender          `json:"from"`
	To   To              `json:"to"`
	Room string          `json:"room"`
	At   time.Time       `json:"at"`
	Data json.RawMessage `json:"data"`
}

// Sender is who a message is from. Both may be empty.
type Sender struct {
	UnionID string `json:"unionId"`
	Name    string `json:"name"`
}

// Reset says that messages were or may have been lost before now. Those that are still kept, and may have come already, are at
// GET /api/messages.
type Reset struct {
	Reason string `json:"reason"`
	Kept   int    `json:"kept"`
}

// Presence is who is online on all nodes.
type Presence struct {
	Users       int      `json:"users"` // distinct unionIds
	Connections int      `json:"connections"`
	Nodes       []string `json:"nodes"`
	Degraded    bool     `json:"degraded"` // the node is alone: it has lost the others
}

// Room is who is in a room, and who has come and gone, 20 each at most.
type Room struct {
	Name        string   `json:"room"`
	Users       int      `json:"users"`
	Connections int      `json:"connections"`
	Joined      []string `json:"joined"`
	Left        []string `json:"left"`
}

// Heartbeat ends a silence.
type Heartbeat struct {
	Time        time.Time `json:"time"`
	Users       int       `json:"users"`
	Connections int       `json:"connections"`
}

// Bye is the last event of a node that is leaving. The client comes back by itself.
type Bye struct {
	Reason string
	Retry  time.Duration // after which it does, an hour at most; negative where the server did not say
}

// UnmarshalJSON reads retry in milliseconds.
func (b *Bye) UnmarshalJSON(text []byte) error {
	var bye struct {
		Reason string   `json:"reason"`
		Retry  *float64 `json:"retry"`
	}
	err := json.Unmarshal(text, &bye)
	b.Reason, b.Retry = bye.Reason, -1
	if bye.Retry != nil && *bye.Retry >= 0 {
		b.Retry = time.Duration(min(*bye.Retry*float64(time.Millisecond), float64(stayLongest)))
	}
	return err
}

// Lost says that there is no connection any more, or none yet. What was shown may be old from now on. A Hello follows when there is one.
type Lost struct {
	Err error
}

func (Hello) event()     {}
func (Reading) event()   {}
func (Message) event()   {}
func (Reset) event()     {}
func (Presence) event()  {}
func (Room) event()      {}
func (Heartbeat) event() {}
func (Bye) event()       {}
func (Lost) event()      {}

// wireEvent is an event as every transport brings it.
type wireEvent struct {
	Event string          `json:"event"`
	ID    string          `json:"id"`
	Data  json.RawMessage `json:"data"`
}

// decode makes an event of what came; nil: it has a name that this package does not know.
func (w wireEvent) decode() (Event, error) {
	switch w.Event {
	case "hello":
		return decoded[Hello](w.Data)
	case "reading":
		return decoded[Reading](w.Data)
	case "message":
		return decoded[Message](w.Data)
	case "reset":
		return decoded[Reset](w.Data)
	case "presence":
		return decoded[Presence](w.Data)
	case "room":
		return decoded[Room](w.Data)
	case "heartbeat":
		return decoded[Heartbeat](w.Data)
	case "bye":
		return decoded[Bye](w.Data)
	}
	return nil, nil
}

func decoded[E Event](data []byte) (Event, error) {
	var e E
	err := json.Unmarshal(data, &e)
	return e, err
}
