package views

// ChatView is the page of a room.
type ChatView struct {
	PageView
	Room                string
	Name                string // what to call the viewer; may be empty
	Known               bool   // who the viewer is: the name is not theirs to change
	Messages            []MessageView
	Earlier             int // how many more of the room's messages are kept
	People              []PersonView
	More                int // how many more users there are
	InRoom              int // connections
	Most                int // bytes that a message may have
	Key                 string
	ReadHref, WriteHref string

	// Writing is for who has no scripts: the page does not load itself again, so that nothing typed is lost.
	Writing bool
	Text    string // what was typed and not sent
	Refusal string // why
}

// PersonView is a user who is in a room.
type PersonView struct {
	UnionID, Name string
	You           bool
}

func (v ChatView) title() string { return fill(text.ChatTitle, "room", v.Room) }

// framed is the frame with the room in the title.
func (v ChatView) framed() Frame {
	v.Frame.Title = v.title()
	return v.Frame
}

func (v ChatView) lastOf() string {
	if v.Earlier == 0 {
		return ""
	}
	n := len(v.Messages)
	return fill(text.LastOf, "n", count(n), "total", count(n+v.Earlier))
}

func (v ChatView) inRoom() string {
	switch v.InRoom {
	case 0:
		return text.HereNobody
	case 1:
		return text.HereOne
	}
	return fill(text.HereMany, "n", count(v.InRoom))
}

func (v ChatView) refusal() string {
	if v.Refusal == "" {
		return ""
	}
	return fill(text.NotSent, "reason", v.Refusal)
}

func (v ChatView) writeWhy() string { return fill(text.WriteWhy, "age", Duration(v.Refresh)) }

func count(n int) string { return number(float64(n), 0) }
