package transport

import (
	"fmt"
	"log/slog"
	"sync"
)

// Content is what an update carries. Encode returns the data of its reading event, a JSON object; next is for a client
// that has the version just before. It is called at most once for each pair, from any goroutine, and must not change afterwards. It
// must not wait for anything: thousands of clients are told by the same goroutine.
// Clients get nothing of a form whose Encode panics.
type Content interface {
	Encode(f Format, next bool) []byte
}

// Update is one version of a topic, immutable, encoded once for each format.
type Update struct {
	Topic   string
	Version int64
	Before  int64 // the version just before; 0: none
	Content Content

	once   [formats][2]sync.Once
	events [formats][2]*event
}

// NewUpdate returns a version of a topic. before is the version just before it, 0 if there was none.
func NewUpdate(topic string, version, before int64, content Content) *Update {
	return &Update{Topic: topic, Version: version, Before: before, Content: content}
}

// event returns the reading event for a client that has version had, or nil when there is none, which is logged once.
func (u *Update) event(f Format, had int64, log *slog.Logger) *event {
	form := 0
	if had != 0 && had == u.Before {
		form = 1
	}
	u.once[f][form].Do(func() {
		defer func() {
			if p := recover(); p != nil {
				log.Error("reading not encoded", "subscription", u.Topic, "err", fmt.Sprint(p))
			}
		}()
		u.events[f][form] = &event{name: "reading", data: u.Content.Encode(f, form == 1)}
	})
	return u.events[f][form]
}
