package cluster

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// writeSoon gathers changes of presence into one round of writing.
	writeSoon = 50 * time.Millisecond
	// again is when a round of writing or reading is repeated that failed.
	again = time.Second
	// readSoonest is how long after a read of presence the next may begin, or a multiple of what the read took.
	readSoonest, readShare = 300 * time.Millisecond, 20
	// readPollersEvery is how often pollers are looked for that have expired. Every second time all is read, and what
	// stands there of this node is compared with what should.
	readPollersEvery = 5 * time.Second
	// onlineKeys is how many entries Online asks for at most.
	onlineKeys = 1000
)

// presence is who is online. What this node says of its own users is written by one goroutine, which compares what is
// wanted with what it wrote: the last state wins. What others say is read again whenever one of them has changed it.
type presence struct {
	h        *Hazelcast
	bell     chan struct{} // size 1: there is something to write
	readBell chan struct{} // size 1: another node has written
	revision atomic.Int64  // changes when this node has written; its signs of life tell the others

	mu        sync.Mutex
	own       guests                      // guarded by mu, like all below
	dirty     map[string]struct{}         // users to write
	unwritten map[string]struct{}         // sessions of pollers to write
	remote    map[string]map[string]Entry // as read, by incarnation and user
	polling   map[string]poller           // as read, by session
	roster    *Roster                     // nil when it has to be counted anew
	counted   bool                        // the roster is that of a node alone

	orphans map[string]time.Time // since when entries stand under no living incarnation; used by run alone
}

func newPresence(h *Hazelcast) *presence {
	return &presence{
		h: h, bell: make(chan struct{}, 1), readBell: make(chan struct{}, 1), own: newGuests(),
		dirty: make(map[string]struct{}), unwritten: make(map[string]struct{}), orphans: make(map[string]time.Time),
	}
}

// Enter notes the user's streams and has them written.
func (p *presence) Enter(e Entry) {
	p.mu.Lock()
	if reflect.DeepEqual(p.own.entries[e.User], e) {
		p.mu.Unlock()
		return
	}
	p.own.enter(e)
	p.dirty[e.User] = struct{}{}
	p.roster = nil
	p.mu.Unlock()
	ring(p.bell)
	p.h.change()
}

// Poll notes the session and has it written under its own name, whichever node answered it before.
func (p *presence) Poll(session string, e Entry, stays time.Duration) {
	p.mu.Lock()
	p.own.pollers[session] = poller{entry: e, node: p.h.node, until: time.Now().Add(stays)}
	p.unwritten[session] = struct{}{}
	p.roster = nil
	p.mu.Unlock()
	ring(p.bell)
	p.h.change()
}

// Unpoll has the session removed, whichever node answered it.
func (p *presence) Unpoll(session string) {
	p.mu.Lock()
	delete(p.own.pollers, session)
	delete(p.polling, session)
	p.unwritten[session] = struct{}{}
	p.roster = nil
	p.mu.Unlock()
	ring(p.bell)
	p.h.change()
}

// recount makes the next Roster count anew.
func (p *presence) recount() {
	p.mu.Lock()
	p.roster = nil
	p.mu.Unlock()
}

// relink has everything written and read again.
func (p *presence) relink() {
	p.mu.Lock()
	for session, own := range p.own.pollers {
		if _, waits := p.unwritten[session]; !waits {
			own.again = true
			p.own.pollers[session], p.unwritten[session] = own, struct{}{}
		}
	}
	p.roster = nil
	p.mu.Unlock()
	ring(p.bell)
	ring(p.readBell)
}

// Roster counts this node's users, those of the living others, and pollers. A node that is alone counts its own.
func (p *presence) Roster() *Roster {
	alone, living := p.h.messages.isAlone(), p.h.nodes.living() // before the lock: they have their own
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.own.expire(time.Now()) || p.counted != alone {
		p.roster = nil
	}
	if p.roster != nil {
		return p.roster
	}
	r := newRoster()
	p.own.addTo(r, p.h.node)
	pollers := p.own.pollers
	if !alone {
		for incarnation, entries := range p.remote {
			if node, lives := living[incarnation]; lives {
				for _, e := range entries {
					r.add(node, e)
				}
			}
		}
		pollers = maps.Clone(p.polling)
		for session := range p.unwritten {
			if own, here := p.own.pollers[session]; here {
				if pollers == nil {
					pollers = make(map[string]poller)
				}
				pollers[session] = own
			}
		}
	}
	names := make(map[string]bool, len(living))
	for _, name := range living {
		names[name] = true
	}
	for _, s := range pollers {
		if !names[s.node] {
			s.node = ""
		}
		r.add(s.node, s.entry)
	}
	p.roster, p.counted = r, alone
	return r
}

// Online asks the cluster for those whom the roster does not know yet.
func (p *presence) Online(ctx context.Context, users []string) []string {
	roster := p.Roster()
	var keys []any
	owner := make(map[string]string) // user by key
	for incarnation := range p.h.nodes.living() {
		for _, user := range users {
			if roster.Users[user] == nil && incarnation != p.h.incarnation && len(keys) < onlineKeys {
				key := presenceKey(incarnation, user)
				keys, owner[key] = append(keys, key), user
			}
		}
	}
	found := make(map[string]bool)
	if len(keys) > 0 && !p.h.messages.isAlone() {
		_ = p.h.do(ctx, func(ctx context.Context, l *link) error {
			entries, err := l.presence.GetAll(ctx, keys...)
			for _, e := range entries {
				if key, ok := e.Key.(string); ok && e.Value != nil {
					found[owner[key]] = true
				}
			}
			return err
		}) // without an answer the roster has to do
	}
	online := slices.Clone(users)
	return slices.DeleteFunc(online, func(user string) bool { return roster.Users[user] == nil && !found[user] })
}

// run writes and reads until ctx ends; then it removes this node's entries.
func (p *presence) run(ctx context.Context) {
	defer p.leave(ctx)
	tick := time.NewTicker(readPollersEvery)
	defer tick.Stop()
	write, read := time.NewTimer(writeSoon), time.NewTimer(writeSoon)
	defer write.Stop()
	defer read.Stop()
	writing := true        // the timer of the next round of writing runs; changes without end must not put it off
	var readable time.Time // when the next read may begin
	for n := 1; ; n++ {
		select {
		case <-p.bell:
			if !writing {
				writing = true
				write.Reset(writeSoon)
			}
		case <-write.C:
			if writing = !p.write(ctx); writing {
				write.Reset(again)
			}
		case <-p.readBell:
			read.Reset(max(0, time.Until(readable)))
		case <-read.C:
			begun := time.Now()
			if !p.readPresence(ctx) || !p.readPollers(ctx) {
				read.Reset(again)
				continue
			}
			readable = begun.Add(max(readSoonest, readShare*time.Since(begun)))
		case <-tick.C:
			p.readPollers(ctx)
			if n%2 == 0 {
				ring(p.readBell)
			}
		case <-ctx.Done():
			return
		}
	}
}

// readPresence reads who is on which node, has this node's part written again where it is not as it should be, and
// purges dead nodes.
func (p *presence) readPresence(ctx context.Context) bool {
	remote := make(map[string]map[string]Entry)
	written := make(map[string]Entry) // this node's part
	err := p.h.do(ctx, func(ctx context.Context, l *link) error {
		entries, err := l.presence.GetEntrySet(ctx)
		for _, kv := range entries {
			incarnation, user, ok := parsePresenceKey(kv.Key)
			e, err := parseEntry(kv.Value)
			switch {
			case !ok || err != nil:
			case incarnation == p.h.incarnation:
				written[user] = e
			case remote[incarnation] == nil:
				remote[incarnation] = map[string]Entry{user: e}
			default:
				remote[incarnation][user] = e
			}
		}
		return err
	})
	if err != nil {
		return false
	}
	p.mu.Lock()
	p.remote, p.roster = remote, nil
	for user, e := range p.own.entries {
		if w, ok := written[user]; !ok || string(w.frame()) != string(e.frame()) {
			p.dirty[user] = struct{}{}
		}
	}
	for user := range written {
		if _, ok := p.own.entries[user]; !ok {
			p.dirty[user] = struct{}{}
		}
	}
	wrong := len(p.dirty) > 0
	p.mu.Unlock()
	if wrong {
		ring(p.bell)
	}
	p.h.change()
	p.purge(ctx, slices.Collect(maps.Keys(remote)))
	return true
}
