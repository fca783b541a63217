package dashboard

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/pulsewall/pulsewall/feeds"
	"github.com/pulsewall/pulsewall/transport"
)

// stay is a visit that was admitted, until it has left. It may last for long, so it is small. One goroutine at a time changes what it holds.
type stay struct {
	d     *Dashboard
	visit *Visit
	from  netip.Addr // the client's address; not valid where that is not known
	holds []held
	left  atomic.Bool
}

// held is a subscription that it watches, and how to let go of it.
type held struct {
	topic   string
	release func()
}

func (s *stay) watch(sub feeds.Subscription) error {
	if err := s.visit.mayWatch(sub); err != nil {
		return err
	}
	release, err := s.d.scheduler.Watch(sub)
	if err != nil {
		return err
	}
	s.holds = append(s.holds, held{sub.String(), release})
	return nil
}

func (s *stay) release(topic string) {
	s.holds = slices.DeleteFunc(s.holds, func(h held) bool {
		if h.topic == topic {
			h.release()
		}
		return h.topic == topic
	})
}

// leave ends the visit, and tells what ended it. To leave again does nothing.
func (s *stay) leave(err error) {
	if s.left.Swap(true) {
		return
	}
	for _, h := range s.holds {
		h.release()
	}
	s.visit.release()
	s.d.tellLeft(s.visit, err)
	s.d.gate.leave(s.from)
}

// ended is leave of a stream that was served.
func (s *stay) ended(err error) {
	s.d.tellEnd(s.visit, err)
	if p := problem(err); s.visit.Transport == transport.LongPoll && p != errFailed { // it was answered so while it waited
		s.d.metrics.refused.WithLabelValues(strconv.Itoa(p.Status)).Inc()
	}
	s.leave(err)
}

// keep makes the visit one that may stay for long: it holds on to nothing of its request, and to what was asked for only if the program is to
// be told of it.
func (v *Visit) keep(all bool) {
	v.Session, v.UnionID, v.Name = strings.Clone(v.Session), strings.Clone(v.UnionID), strings.Clone(v.Name)
	if !all {
		v.Subs, v.Rooms = nil, nil
	}
}
