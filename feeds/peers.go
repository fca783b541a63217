package feeds

import (
	"context"
	"time"
)

// Peers are the other nodes, as far as the scheduler needs them: one of them polls, and all show what it got. A poll is
// known by its name, which is the same on all nodes. Methods may be called concurrently and must return when their
// context ends; those without one must not block.
type Peers interface {
	// Claim takes the given attempt to replace the given version of a poll, and remembers that for keep. False: another
	// node has it, or, with an error, nobody knows. A node that can reach no other has whatever it claims.
	Claim(ctx context.Context, poll string, version int64, attempt int, keep time.Duration) (bool, error)
	// Want has what other nodes publish of the poll given to Accept from now on, and returns the newest, if one is kept.
	// It is called again for the newest. With an error nobody knows what is kept.
	Want(ctx context.Context, poll string) (newest Remote, ok bool, err error)
	// Unwant ends what Want began.
	Unwant(poll string)
	// Publish sends a table to the nodes that want it and keeps it for those that will. data is called at most once,
	// before Publish returns. With an error it may not have got there; then it is published again, for what nobody has
	// another node polls for once more. With ErrAlone nobody was there to get it.
	Publish(ctx context.Context, poll string, version int64, keep time.Duration, data func() []byte) error
	// Knows says whether there is or was a node of that name, and whether it is alive.
	Knows(node string) (known, alive bool)
}

// Remote is what another node published.
type Remote struct {
	Version int64
	Shift   time.Duration // what to add to times on its sender's clock to get them on this node's
	Kept    bool          // it was kept for a while, and is as old as it says; else it is seen now, whatever the clocks say
	Data    []byte
}

const (
	// headStart is how long the others leave an attempt to the node that polled last.
	headStart = 200 * time.Millisecond
	// longestAsk bounds a claim, which may have to be read again, and a question for the newest, which begins to listen;
	// longestPublish bounds one try to publish. In short intervals it is half of one.
	longestAsk, longestPublish = 2 * time.Second, time.Second
	// askAgain is how soon the newest is asked for again when nobody knew.
	askAgain = time.Second
	// publishTries is how often a table is published that may not have got there, and publishAgain how soon after another.
	publishTries, publishAgain = 3, 300 * time.Millisecond
	// leastKept is the shortest time for which claims and tables are kept.
	leastKept = 5 * time.Second
)

// The version of a table leaves room for what a node says on its own account, so that the next table still is newer,
// whatever the clock of the node that polls it.
const (
	versionLoading = 1    // that nothing fresh is there yet; those above it, when that is told again
	versionGone    = 1000 // that the node which measures is gone
	versionAged    = 1001 // that what was pushed has become old
	versionStep    = versionAged + 1
)

// sharing says who makes a poll.
type sharing int

const (
	anyNode   sharing = iota // whoever claims it
	thisNode                 // this one alone, for it measures the machine; it sends the tables if others want them
	otherNode                // the one that is named
	receiver                 // whoever has been pushed to
)

// share is what a poll has to do with other nodes. Its fields are guarded by the scheduler's mu, but for by and name,
// which do not change.
type share struct {
	by      sharing
	name    string
	version int64     // of the newest outcome, the same on all nodes; 0: none is known
	due     time.Time // when its successor is due; without one, when the poll was first wanted
	joined  bool      // Peers.Want was called
	asked   bool      // and knew what is kept
	mine    bool      // this node polled last
	doubt   bool      // its claim since then came to nothing that it knows of, or its poll failed
	busy    bool      // an errand of the poll is running
	gone    bool      // the node that measures was found gone since the newest outcome
	until   time.Time // other nodes want it at least so long
	sent    int64     // version that was published last, or is being
	lost    bool      // that did not get to the others
	untold  bool      // there were none when it was pushed

	wakeLost bool  // another node has the wake
	wakeOf   int64 // of this version
}

// newShare returns nil when there are no peers.
func (s *Scheduler) newShare(key pollKey, f *feed) *share {
	if s.opts.Peers == nil {
		return nil
	}
	sh := &share{name: key.name(f)}
	switch {
	case f.desc.PerNode && key.Node == s.opts.Node:
		sh.by = thisNode
	case f.desc.Pushed:
		sh.by = receiver
	case f.desc.PerNode:
		sh.by = otherNode
	}
	return sh
}

// name is how all nodes call a poll: the subscription, or as much of it as the source has to know.
func (k pollKey) name(f *feed) string {
	if !f.desc.Whole {
		return Subscription(k).String()
	}
	name := k.Feed
	if k.Node != "" {
		name += "@" + k.Node
	}
	if k.UnionID != "" {
		name += "/" + k.UnionID
	}
	return name
}

// parsePoll returns the feed and the poll that go by a name.
func (s *Scheduler) parsePoll(name string) (*feed, pollKey, error) {
	sub, err := ParseSubscription(name)
	if err != nil {
		return nil, pollKey{}, err
	}
	if sub, err = s.Resolve(sub); err != nil {
		return nil, pollKey{}, err
	}
	f := s.feeds[sub.Feed]
	key := f.key(sub)
	if key.name(f) != name {
		return nil, pollKey{}, bad("%s is no poll here; %s would be", quote(name), key.name(f))
	}
	return f, key, nil
}

// call bounds a call of Peers.
func (f *feed) call(ctx context.Context, longest time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, min(longest, f.Interval/2))
}

// skew is how far the clock that other nodes see is ahead of the machine's.
func (s *Scheduler) skew() time.Duration {
	if s.opts.Now == nil {
		return 0
	}
	return time.Until(s.opts.Now())
}
