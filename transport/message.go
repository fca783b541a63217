package transport

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ErrBadAddress reports a `to` that names nobody. It is wrapped with what was seen and what is allowed.
var ErrBadAddress = errors.New("malformed address")

// MaxUsers is how many users one message may name.
const MaxUsers = 100

// Address is who a message is for: all, a room, users wherever they are, or users in a room. The zero one is nobody.
type Address struct {
	All   bool     `json:"all,omitempty"`
	Room  string   `json:"room,omitempty"`
	Users []string `json:"users,omitempty"` // unionIds, canonical decimal
}

// Sender is who a message is from. Both may be empty.
type Sender struct {
	UnionID string `json:"unionId,omitempty"`
	Name    string `json:"name,omitempty"`
}

// Message is an entry of the log. ID is its position, set by the hub.
type Message struct {
	ID   string          `json:"id"`
	Key  string          `json:"key,omitempty"`
	From Sender          `json:"from"`
	To   Address         `json:"to"`
	Room string          `json:"room,omitempty"`
	At   time.Time       `json:"at"`
	Data json.RawMessage `json:"data"`
}

// MarshalJSON writes At in UTC with milliseconds, like all times.
func (m Message) MarshalJSON() ([]byte, error) {
	type plain Message // without this method
	return marshal(struct {
		plain
		At   stamp           `json:"at"`
		Data json.RawMessage `json:"data"`
	}{plain(m), stamp(m.At), m.Data})
}

// Reader is whose messages are asked for.
type Reader struct {
	UnionID string
	Rooms   []string
}

// reaches says whether a message so addressed is for r.
func (a Address) reaches(r Reader) bool {
	if a.All {
		return true
	}
	if a.Room == "" && len(a.Users) == 0 {
		return false
	}
	if a.Room != "" && !slices.Contains(r.Rooms, a.Room) {
		return false
	}
	return len(a.Users) == 0 || r.UnionID != "" && slices.Contains(a.Users, r.UnionID)
}

// UnmarshalJSON reads {"all":true}, {"room":"r"}, {"users":["7","8"]} or room and users together; unionIds may be numbers.
func (a *Address) UnmarshalJSON(b []byte) error {
	var raw struct {
		All   bool          `json:"all"`
		Room  string        `json:"room"`
		Users []json.Number `json:"users"`
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&raw); err != nil {
		return fmt.Errorf(`%w: %s: want {"all":true}, {"room":"r"}, {"users":["7","8"]} or room and users`, ErrBadAddress, clip(b))
	}
	out := Address{All: raw.All, Room: raw.Room}
	for _, u := range raw.Users {
		out.Users = append(out.Users, u.String())
	}
	if err := out.check(clip(b)); err != nil {
		return err
	}
	*a = out
	return nil
}

// ParseAddress reads the form's "all", "room:r" or "user:7,8".
func ParseAddress(s string) (Address, error) {
	kind, rest, _ := strings.Cut(s, ":")
	var a Address
	switch {
	case s == "all":
		a.All = true
	case kind == "room" && rest != "":
		a.Room = rest
	case kind == "user":
		a.Users = strings.Split(rest, ",")
	default:
		return a, fmt.Errorf("%w: %q: want all, room:NAME or user:ID,ID", ErrBadAddress, clip([]byte(s)))
	}
	return a, a.check(strconv.Quote(clip([]byte(s))))
}

// check refuses nonsense, which is what was seen, and makes the users canonical and distinct.
func (a *Address) check(seen string) error {
	if a.All && (a.Room != "" || len(a.Users) > 0) || !a.All && a.Room == "" && len(a.Users) == 0 {
		return fmt.Errorf("%w: %s: want exactly one of all, room, users, or room and users together", ErrBadAddress, seen)
	}
	if a.Room != "" && !ValidName(a.Room) {
		return fmt.Errorf("%w: room %q: want 1–64 of A–Z a–z 0–9 . _ -", ErrBadAddress, clip([]byte(a.Room)))
	}
	if len(a.Users) > MaxUsers {
		return fmt.Errorf("%w: %d users: at most %d", ErrBadAddress, len(a.Users), MaxUsers)
	}
	var users []string
	for _, u := range a.Users {
		n, err := strconv.ParseInt(strings.TrimSpace(u), 10, 64)
		if err != nil {
			return fmt.Errorf("%w: user %q: want a 64-bit integer", ErrBadAddress, clip([]byte(u)))
		}
		if id := strconv.FormatInt(n, 10); !slices.Contains(users, id) {
			users = append(users, id)
		}
	}
	a.Users = users
	return nil
}

var validName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// ValidName says whether s may name a room, a feed, a node or a session: 1–64 of A–Z a–z 0–9 . _ -.
func ValidName(s string) bool { return validName.MatchString(s) }

// clip shortens what a client sent for an error text.
func clip(b []byte) string {
	const most = 80
	if len(b) > most {
		return strings.ToValidUTF8(string(b[:most]), "�") + "…"
	}
	return strings.ToValidUTF8(string(b), "�")
}
