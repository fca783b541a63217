package dashboard

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/pulsewall/pulsewall/transport"
	"github.com/pulsewall/pulsewall/views"
)

const (
	chatPage     = "/chat"
	defaultRoom  = "lobby"
	chatRefresh  = 10 * time.Second // of a page without scripts
	mostInLog    = 100              // messages on the page of a room
	mostInPeople = 50
	noticesFor   = 10 * time.Minute // how long a message to all, or to a user, is on a page that is opened after it
	mostNotices  = 3
)

// guest is who looks at a room.
type guest struct {
	room, unionID, name string
}

// href is the address of the room for its guest.
func (g guest) href() string {
	q := url.Values{"room": {g.room}}
	if g.unionID != "" {
		q.Set("unionId", g.unionID)
	}
	if g.name != "" {
		q.Set("name", g.name)
	}
	return chatPage + "?" + q.Encode()
}

// getChat shows a room: its newest messages and the cursor of exactly those, and who is in it. With write=1 it is the page on which those
// without scripts write. It loads itself never again, as that would take what was typed; so reading and writing are two pages.
func (d *Dashboard) getChat(w http.ResponseWriter, r *http.Request) {
	q, err := parseQuery(r.URL.RawQuery)
	if err != nil {
		d.refuse(w, r, err)
		return
	}
	g := guest{room: defaultRoom}
	if q.Get("room") != "" {
		g.room = q.Get("room")
	}
	if !transport.ValidName(g.room) {
		d.refuse(w, r, badRoom(g.room))
		return
	}
	if g.unionID, g.name, err = who(r.Context(), q); err != nil {
		d.refuse(w, r, err)
		return
	}
	v := d.chat(g)
	if v.Writing, err = flag(q, "write"); err != nil {
		d.refuse(w, r, err)
		return
	}
	d.revalidated(w)
	if notModified(w, r, d.chatTag(v)) {
		return
	}
	d.render(w, r, http.StatusOK, views.Chat(v))
}

// chat is the page of a room. The log and the cursor are of one moment; a notice that comes in between is on the page and comes again, and
// the script knows it by its id.
func (d *Dashboard) chat(g guest) views.ChatView {
	list, earlier, cursor := d.hub.Latest(transport.Excerpt{UnionID: g.unionID, Room: g.room, Limit: mostInLog})
	v := views.ChatView{
		PageView: d.livePage(d.frame(views.English.Chat, chatPage), &visit{unionID: g.unionID}),
		Room:     g.room, Name: g.name, Known: d.opts.Auth != nil, Messages: messageViews(list, g.unionID), Earlier: earlier,
		InRoom: d.hub.Room(g.room).Connections, Most: mostData, Key: rand.Text(), ReadHref: g.href(), WriteHref: g.href() + "&write=1",
	}
	v.Cursor, v.Refresh = cursor, chatRefresh
	if g.room != alertsRoom || d.alerts == nil {
		v.Query += "&room=" + g.room
	}
	people := d.usersIn(g.room)
	for _, u := range people[:min(len(people), mostInPeople)] {
		v.People = append(v.People, views.PersonView{UnionID: u.UnionID, Name: u.Name, You: u.UnionID == g.unionID})
	}
	v.More = len(people) - len(v.People)
	return v
}

// chatTag is the ETag of the page of a room.
func (d *Dashboard) chatTag(v views.ChatView) string {
	return d.tag("chat", v.Nav, v.Room, v.UnionID, v.Name, v.Writing, messageIDs(v.Messages), v.Earlier, v.People, v.More, v.InRoom,
		v.Users, v.Connections, v.Degraded, messageIDs(v.Notices.Messages), v.Notices.Earlier)
}

// postChat takes a message of a form on the page of a room, and leads back to reading. What is refused stays in the box, with why.
func (d *Dashboard) postChat(w http.ResponseWriter, r *http.Request) {
	if err := d.checkOrigin(r); err != nil {
		d.refuse(w, r, err)
		return
	}
	m, err := readForm(r)
	if err == nil && (m.to.Room == "" || len(m.to.Users) > 0) {
		err = refuse(http.StatusBadRequest, "to is no room: want room:NAME")
	}
	if err != nil {
		d.refuse(w, r, err)
		return
	}
	bodyRead(w)
	g := guest{room: m.to.Room, unionID: m.from.UnionID, name: m.from.Name}
	m.addr, m.key = d.clientAddr(r), keyOf(m.key, m.data)
	if _, err = d.send(r.Context(), m); err != nil && !wantsPage(r) {
		d.refuseProgram(w, r, err)
		return
	} else if err != nil {
		p, v := d.refused(w, r, err), d.chat(g)
		v.Writing, v.Text, v.Refusal = true, typed(r.Form.Get("data")), p.Detail
		d.render(w, r, p.Status, views.Chat(v))
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, g.href(), http.StatusSeeOther)
}

// keyOf is the key of a text that was typed on a page. The page's own alone would have another text, sent from the same page after a step
// back in the browser, taken for a repeat.
func keyOf(page string, data json.RawMessage) string {
	if page == "" {
		return ""
	}
	sum := sha256.Sum256(data)
	return strings.ToValidUTF8(page[:min(len(page), mostKey/2)], "") + hex.EncodeToString(sum[:mostKey/4])
}

// usersIn returns which users are in a room, on all nodes, sorted by unionId.
func (d *Dashboard) usersIn(room string) []transport.UserPresence {
	if d.alone {
		return d.hub.UsersIn(room)
	}
	roster := d.cluster.Roster()
	in := roster.Rooms[room]
	if in == nil {
		return nil
	}
	list := make([]transport.UserPresence, 0, len(in.Users))
	for _, id := range slices.Sorted(maps.Keys(in.Users)) {
		if u := roster.Users[id]; u != nil {
			list = append(list, userOf(u))
		}
	}
	return list
}

// notices are the newest messages to all, or to the user, for who was not there or has no scripts.
func (d *Dashboard) notices(unionID string) views.NoticesView {
	list, earlier, _ := d.hub.Latest(transport.Excerpt{UnionID: unionID, Since: time.Now().Add(-noticesFor), Limit: mostNotices})
	return views.NoticesView{Messages: messageViews(list, unionID), Earlier: earlier}
}

// messageViews is what people see of messages.
func messageViews(list []*transport.Message, viewer string) []views.MessageView {
	shown := make([]views.MessageView, len(list))
	for i, m := range list {
		shown[i] = views.MessageView{
			ID: m.ID, UnionID: m.From.UnionID, Name: m.From.Name, At: m.At, Text: textOf(m.Data),
			Own: viewer != "" && m.From.UnionID == viewer, Chosen: len(m.To.Users) > 0,
		}
	}
	return shown
}

// textOf is the data of a message in words: a string, the text of an object that has one, else the JSON itself.
func textOf(data json.RawMessage) string {
	var s string
	if json.Unmarshal(data, &s) == nil && string(data) != "null" {
		return s
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(data, &object) == nil && len(object["text"]) > 0 && object["text"][0] == '"' && json.Unmarshal(object["text"], &s) == nil {
		return s
	}
	return string(data)
}

func messageIDs(list []views.MessageView) string {
	ids := make([]string, len(list))
	for i, m := range list {
		ids[i] = m.ID
	}
	return strings.Join(ids, " ")
}
