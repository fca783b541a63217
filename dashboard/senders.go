package dashboard

import (
	"sync"

	"golang.org/x/time/rate"
)

// mostSenders bounds the limiters kept. One that is full is as good as a new one.
const mostSenders = 10_000

// sendersPerAddr is how many senders' worth of messages may come from one known client address. A unionId is whatever the sender says.
const sendersPerAddr = 10

// senders bounds how fast each sender may send.
type senders struct {
	perSecond int
	mu        sync.Mutex
	limiters  map[string]*rate.Limiter // guarded by mu
}

func newSenders(perSecond int) *senders {
	return &senders{perSecond: perSecond, limiters: make(map[string]*rate.Limiter)}
}

// allow says whether the sender may send one more now.
func (s *senders) allow(scope string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.limiters[scope]
	if l == nil {
		if len(s.limiters) >= mostSenders {
			s.forget()
		}
		l = rate.NewLimiter(rate.Limit(s.perSecond), 2*s.perSecond)
		s.limiters[scope] = l
	}
	return l.Allow()
}

// forget drops the limiters that hold nobody back and, where those are few, any: a tenth has to go, or the next new sender
// would look through all of them again.
func (s *senders) forget() {
	for scope, l := range s.limiters {
		if l.Tokens() >= float64(l.Burst()) {
			delete(s.limiters, scope)
		}
	}
	for scope := range s.limiters {
		if len(s.limiters) <= mostSenders*9/10 {
			return
		}
		delete(s.limiters, scope)
	}
}
