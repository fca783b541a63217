package transport

import "strings"

// topic is its newest update and who watches it. It is a part of the Hub, guarded by its mutex.
type topic struct {
	name      string
	newest    *Update
	watchers  int
	audiences []audience // by shard
}

// audience is those of one shard who watch a topic.
type audience struct {
	list    []*Session
	touched bool // it stands among the shard's touched
}

// watch is a topic of a session.
type watch struct {
	topic   *topic
	version int64   // that the client was given last; 0: none
	lacks   *Update // that could not be encoded
	place   int     // in the audience
}

// topicOf returns the topic of a name, which is made when there is none.
func (h *Hub) topicOf(name string) *topic {
	t := h.topics[name]
	if t == nil {
		t = &topic{name: strings.Clone(name), audiences: make([]audience, len(h.shards))}
		h.topics[t.name] = t
	}
	return t
}

// tidy forgets a topic that is nothing to anybody.
func (h *Hub) tidy(t *topic) {
	if t.newest == nil && t.watchers == 0 {
		delete(h.topics, t.name)
	}
}

// watch adds a topic of which the client has a version. The hub is locked.
func (s *Session) watch(name string, version int64) {
	t := s.hub.topicOf(name)
	a := &t.audiences[s.shard.index]
	s.watches = append(s.watches, watch{topic: t, version: version, place: len(a.list)})
	a.list = append(a.list, s)
	t.watchers++
}

// watching returns where a topic stands among those of the session, or -1.
func (s *Session) watching(name string) int {
	for i := range s.watches {
		if s.watches[i].topic.name == name {
			return i
		}
	}
	return -1
}

// unwatch takes a topic away, if it is there. The hub is locked.
func (s *Session) unwatch(name string) {
	i := s.watching(name)
	if i < 0 {
		return
	}
	w := s.watches[i]
	a := &w.topic.audiences[s.shard.index]
	end := len(a.list) - 1
	if moved := a.list[end]; moved != s {
		a.list[w.place] = moved
		moved.watches[moved.watching(name)].place = w.place
	}
	a.list[end] = nil
	a.list = a.list[:end]
	s.watches = append(s.watches[:i], s.watches[i+1:]...)
	w.topic.watchers--
	s.hub.tidy(w.topic)
}
