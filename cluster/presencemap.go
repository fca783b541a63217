package cluster

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hazelcast/hazelcast-go-client/predicate"
)

const (
	// writers is how many writes of presence are under way at a time.
	writers = 8
	// orphanFor is how long entries may stand under an incarnation that does not live before they are purged: it may be
	// one that has just started.
	orphanFor = 10 * time.Second
	// pollerMargin makes up for the members' cutting off part of a second.
	pollerMargin = time.Second
)

// presenceKey is where a node keeps a user. Names of nodes have no slash.
func presenceKey(incarnation, user string) string { return incarnation + "/" + user }

func parsePresenceKey(key any) (incarnation, user string, ok bool) {
	s, _ := key.(string)
	return strings.Cut(s, "/")
}

// write makes the map what is wanted and reports whether it could.
func (p *presence) write(ctx context.Context) bool {
	users, sessions, news := p.toWrite()
	if len(users)+len(sessions) == 0 {
		return true
	}
	undone := eachOf(users, func(user string) error { return p.writeUser(ctx, user) })
	unsaid := eachOf(sessions, func(session string) error { return p.writePoller(ctx, session) })
	p.mu.Lock()
	for user := range undone {
		p.dirty[user] = struct{}{}
	}
	for session := range unsaid {
		p.unwritten[session] = struct{}{}
		delete(p.polling, session)
	}
	p.mu.Unlock()
	if news {
		p.revision.Add(1) // after the writes, so that who reads because of it finds them
		ring(p.h.nodes.bell)
	}
	return len(undone)+len(unsaid) == 0
}

// toWrite returns what is to be written, and counts it as written; news: the others are to count anew.
func (p *presence) toWrite() (users, sessions map[string]struct{}, news bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	users, sessions, news = p.dirty, p.unwritten, len(p.dirty) > 0
	p.dirty, p.unwritten = make(map[string]struct{}), make(map[string]struct{})
	for session := range sessions {
		s, here := p.own.pollers[session]
		_, known := p.polling[session]
		news = news || !here || !known
		if here && p.polling == nil {
			p.polling = make(map[string]poller)
		}
		if here && !(known && s.again) {
			p.polling[session] = s
		}
	}
	return users, sessions, news
}

// writeUser writes what is wanted of the user now.
func (p *presence) writeUser(ctx context.Context, user string) error {
	p.mu.Lock()
	e, here := p.own.entries[user]
	p.mu.Unlock()
	key, value := presenceKey(p.h.incarnation, user), e.frame()
	return p.h.do(ctx, func(ctx context.Context, l *link) error {
		switch {
		case !here:
			return l.presence.Delete(ctx, key)
		case len(value) > smallMost: // all who gave no unionId are one user, in many rooms
			return l.bulkEntries.Set(ctx, key, []byte(value))
		}
		return l.presence.Set(ctx, key, []byte(value))
	})
}

// writePoller writes what is wanted of the session now.
func (p *presence) writePoller(ctx context.Context, session string) error {
	p.mu.Lock()
	s, here := p.own.pollers[session]
	p.mu.Unlock()
	ttl := time.Until(s.until)
	return p.h.do(ctx, func(ctx context.Context, l *link) error {
		if !here || ttl <= 0 {
			return l.pollers.Delete(ctx, session)
		}
		value := append(newFrame().str(s.node), s.entry.frame()[1:]...)
		ttl = max(ttl, leastKept) + pollerMargin
		if s.again {
			_, err := l.pollers.PutIfAbsentWithTTL(ctx, session, []byte(value), ttl)
			return err
		}
		return l.pollers.SetWithTTL(ctx, session, []byte(value), ttl)
	})
}

// readPollers reads which sessions poll. One that this node answered and that is not there has a stream elsewhere.
func (p *presence) readPollers(ctx context.Context) bool {
	polling := make(map[string]poller)
	err := p.h.do(ctx, func(ctx context.Context, l *link) error {
		entries, err := l.pollers.GetEntrySet(ctx)
		for _, kv := range entries {
			session, ok := kv.Key.(string)
			f := parse(kv.Value)
			s := poller{node: f.str(), entry: f.entry()}
			if ok && f.err == nil {
				polling[session] = s
			}
		}
		return err
	})
	if err != nil {
		return false
	}
	var elsewhere []string
	for session, s := range polling {
		if s.node != p.h.node {
			elsewhere = append(elsewhere, session)
		}
	}
	streaming := p.h.handler.Streaming(elsewhere) // before the lock: it has its own
	now := time.Now()
	p.mu.Lock()
	for _, session := range streaming { // it only asked there whether its stream is fresh
		delete(polling, session)
		p.unwritten[session] = struct{}{}
		ring(p.bell)
	}
	p.own.expire(now)
	for session := range p.own.pollers {
		_, waits := p.unwritten[session]
		if _, there := polling[session]; !there && !waits {
			delete(p.own.pollers, session)
		}
	}
	for session := range p.unwritten {
		if _, here := p.own.pollers[session]; !here {
			delete(polling, session)
		}
	}
	same := maps.EqualFunc(polling, p.polling, func(a, b poller) bool {
		return a.node == b.node && string(a.entry.frame()) == string(b.entry.frame())
	})
	p.polling = polling
	if !same {
		p.roster = nil
	}
	p.mu.Unlock()
	if !same {
		p.h.change()
	}
	return true
}

// purge removes what dead nodes left. One of the living does it; a node that is alone cannot tell who lives.
func (p *presence) purge(ctx context.Context, incarnations []string) {
	if p.h.messages.isAlone() {
		clear(p.orphans)
		return
	}
	living := p.h.nodes.living()
	maps.DeleteFunc(p.orphans, func(incarnation string, _ time.Time) bool {
		_, lives := living[incarnation]
		return lives || !slices.Contains(incarnations, incarnation)
	})
	first := slices.Min(slices.Collect(maps.Keys(living))) == p.h.incarnation
	for _, incarnation := range incarnations {
		if _, lives := living[incarnation]; lives {
			continue
		}
		since, known := p.orphans[incarnation]
		if !known {
			p.orphans[incarnation] = time.Now()
		} else if first && time.Since(since) > orphanFor && p.removeAll(ctx, incarnation) == nil { // else the next round does it
			p.revision.Add(1) // one that has just come back notices that it is missing
			ring(p.h.nodes.bell)
		}
	}
}

func (p *presence) removeAll(ctx context.Context, incarnation string) error {
	return p.h.do(ctx, func(ctx context.Context, l *link) error {
		return l.presence.RemoveAll(ctx, predicate.Like("__key", presenceKey(incarnation, "%")))
	})
}

// leave removes what this node said of its streams. Who polled here stays for his time: another node answers him next.
func (p *presence) leave(ctx context.Context) {
	_ = p.removeAll(context.WithoutCancel(ctx), p.h.incarnation)
}

// eachOf calls do for each of the names, some at a time, and returns those that are not done. After a failure the rest is
// not tried: a member that hangs takes its time for every call.
func eachOf(names map[string]struct{}, do func(string) error) (undone map[string]struct{}) {
	var running sync.WaitGroup
	var broken atomic.Bool
	var mu sync.Mutex
	undone = make(map[string]struct{})
	work := make(chan string)
	for range min(writers, len(names)) {
		running.Go(func() {
			for name := range work {
				if !broken.Load() && do(name) == nil {
					continue
				}
				broken.Store(true)
				mu.Lock()
				undone[name] = struct{}{}
				mu.Unlock()
			}
		})
	}
	for name := range names {
		work <- name
	}
	close(work)
	running.Wait()
	return undone
}
