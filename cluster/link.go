package cluster

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hazelcast/hazelcast-go-client"
	hzcluster "github.com/hazelcast/hazelcast-go-client/cluster"
	"github.com/hazelcast/hazelcast-go-client/types"
)

const (
	// startFor is how long a client may take to find a member, and to find one again. Then another takes its place, with
	// the addresses in another order: a client waits without end for a member that accepts and never answers.
	// The first has startFor, later ones up to startMost.
	startFor, startMost = 15 * time.Second, 10 * time.Minute
	// startTries is how many clients in a row have no more than startFor while a member answers.
	startTries = 8
	// dialFor is how long a member may take to accept a connection.
	dialFor = 2 * time.Second
	// stopFor is how long a client may take to stop.
	stopFor = 3 * time.Second
	// readingTopics is over how many topics the subscriptions are spread.
	readingTopics = 16
)

// link is what this node reaches of the cluster, over three clients: one request that is large, or that stays without an
// answer, holds up for 40 ms those behind it on the same connection.
type link struct {
	small *hazelcast.Client // for requests below 14 KiB
	bulk  *hazelcast.Client // for larger ones
	ear   *hazelcast.Client // for the one that waits at the end of the ring

	ring        *hazelcast.Ringbuffer
	ringEnd     *hazelcast.Ringbuffer // the same, to wait at
	readMax     int32                 // most items to read from the ring at a time
	log         *hazelcast.Map        // the epoch
	nodes       *hazelcast.Map
	presence    *hazelcast.Map
	bulkEntries *hazelcast.Map // the same
	pollers     *hazelcast.Map
	claims      *hazelcast.Map
	readings    *hazelcast.Map
	bulkReading *hazelcast.Map
	channels    *hazelcast.Map
	alerts      *hazelcast.Map
	bulkAlerts  *hazelcast.Map // the same
	beacons     *hazelcast.Topic
	copied      *hazelcast.Topic // what is safe in the ring
	topics      [readingTopics]*hazelcast.Topic
	ears
}

// keepLinked holds a link until ctx ends. A client that was started for nothing leaves a goroutine behind in the library, so
// none is before somebody accepts, and each is given more time than the one before. The first few are not, while a member answers: what they
// wait for is one that hangs, until the others let go of it, and a client that comes after that does not.
func (h *Hazelcast) keepLinked(ctx context.Context) {
	addresses := slices.Clone(h.opts.Addresses)
	stayed := false // with the same addresses, though nothing came of it
	tries := 0
	for patience := startFor; ctx.Err() == nil; patience = min(2*patience, startMost) {
		var answers bool
		if addresses, answers = h.reachable(ctx, addresses); ctx.Err() != nil {
			return
		}
		if tries++; answers && tries <= startTries {
			patience = startFor
		}
		answered, linked, err := h.holdLink(ctx, addresses, patience)
		if linked {
			patience, tries = startFor/2, 0
		}
		if err != nil && ctx.Err() == nil {
			h.opts.Logger.Warn("no member can be used, trying again", "node", h.node, "err", err)
			pause(ctx, time.Second)
		}
		// A member that answers and can do no more may be taking over from one that died: it is soon better than one that hangs.
		if stayed = answered && !stayed; !stayed {
			addresses = append(addresses[1:], addresses[0])
		}
	}
}

// reachable waits until one of the addresses accepts connections and returns them all, first one whose member answers, if there is one.
func (h *Hazelcast) reachable(ctx context.Context, addresses []string) (ordered []string, answers bool) {
	for told := false; ctx.Err() == nil; told = true {
		var errs []error
		first := -1
		for i, address := range addresses {
			var err error
			if answers, err = knock(ctx, address); err != nil {
				errs = append(errs, err)
				continue
			}
			if first < 0 || answers {
				first = i
			}
			if answers {
				break
			}
		}
		if first >= 0 {
			return append(slices.Clone(addresses[first:]), addresses[:first]...), answers
		}
		if !told && ctx.Err() == nil {
			h.opts.Logger.Warn("no member accepts a connection, trying again", "node", h.node, "err", errors.Join(errs...))
		}
		pause(ctx, time.Second)
	}
	return addresses, false
}

// holdLink connects once and returns when the connection is broken for good or ctx has ended. answered: a member let a client
// in. linked: there was a link.
func (h *Hazelcast) holdLink(ctx context.Context, addresses []string, patience time.Duration) (answered, linked bool, err error) {
	var up atomic.Bool
	bell := make(chan struct{}, 1)
	l := &link{ears: ears{probe: h.incarnation + strings.ToLower(rand.Text()[:4])}}
	defer func() { l.stop(ctx) }()
	if err := h.startClients(ctx, l, addresses, patience, &up, bell); err != nil {
		return l.small != nil, false, err
	}
	if err = h.openLink(ctx, l); err != nil {
		err = h.openLink(ctx, l) // it may have been a member that hangs, and the client has let go of it meanwhile
	}
	if err != nil {
		return true, false, err
	}
	defer h.setLink(nil)
	return true, true, h.tend(ctx, l, &up, bell)
}

// startClients connects the three clients, the others when the first has found a member. The bell is that of small.
func (h *Hazelcast) startClients(
	ctx context.Context, l *link, addresses []string, patience time.Duration, up *atomic.Bool, bell chan struct{},
) (err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if l.small, err = h.startClient(ctx, addresses, up, bell, &l.failures); err != nil {
		return err
	}
	var starting sync.WaitGroup
	var errs [2]error
	for i, client := range []**hazelcast.Client{&l.bulk, &l.ear} {
		starting.Go(func() {
			*client, errs[i] = h.startClient(ctx, addresses, new(atomic.Bool), make(chan struct{}, 1), &l.failures)
		})
	}
	starting.Wait()
	return errors.Join(errs[:]...)
}

// stop ends the clients that were started.
func (l *link) stop(ctx context.Context) {
	var stopping sync.WaitGroup
	for _, client := range []*hazelcast.Client{l.small, l.bulk, l.ear} {
		if client != nil {
			stopping.Go(func() { stopClient(ctx, client) })
		}
	}
	stopping.Wait()
}

// tend shows the link while it is up, until it is broken for good or ctx has ended.
func (h *Hazelcast) tend(ctx context.Context, l *link, up *atomic.Bool, bell chan struct{}) error {
	broken, probe := time.NewTimer(startFor), time.NewTimer(probeAfter)
	defer broken.Stop()
	defer probe.Stop()
	for {
		switch {
		case up.Load():
			h.setLink(l)
			broken.Stop()
		case h.link.Load() != nil:
			h.setLink(nil)
			broken.Reset(startFor)
		}
		for wait := true; wait; {
			select {
			case <-bell:
				probe.Reset(probeAfter)
				wait = false
			case <-probe.C:
				if up.Load() && l.check(ctx) != nil {
					probe.Reset(probeAfter)
				}
			case <-broken.C:
				return fmt.Errorf("no member for %v", startFor)
			case <-ctx.Done():
				return nil
			}
		}
	}
}

// setLink makes l the link and tells every part: what it knew of the cluster is to be looked up again.
func (h *Hazelcast) setLink(l *link) {
	h.link.Store(l)
	h.messages.distrust()
	ring(h.nodes.bell)
	h.presence.relink()
	h.readings.relink()
	ring(h.far.recheck)
}

// startClient connects a client. Its bell, if any, rings when up has changed, and when there are other members.
func (h *Hazelcast) startClient(
	ctx context.Context, addresses []string, up *atomic.Bool, bell chan struct{}, fails *failures,
) (*hazelcast.Client, error) {
	c := hazelcast.Config{}
	c.Cluster.Name = h.opts.Cluster
	c.Cluster.Network.SetAddresses(addresses...)
	c.Cluster.Network.ConnectionTimeout = types.Duration(dialFor)
	c.Cluster.InvocationTimeout = types.Duration(3 * time.Second)
	c.Cluster.HeartbeatInterval = types.Duration(time.Second)
	c.Cluster.HeartbeatTimeout = types.Duration(5 * time.Second)
	c.Cluster.ConnectionStrategy.Retry = hzcluster.ConnectionRetryConfig{
		InitialBackoff: types.Duration(100 * time.Millisecond), MaxBackoff: types.Duration(time.Second),
		Multiplier: 1.5, Jitter: 0.2,
	}
	c.Cluster.Security.Credentials.Username = h.opts.User
	c.Cluster.Security.Credentials.Password = h.opts.Password
	brake := &brake{fails: fails}
	c.Logger.CustomLogger = brake
	c.AddLifecycleListener(func(e hazelcast.LifecycleStateChanged) {
		switch e.State {
		case hazelcast.LifecycleStateConnected:
			up.Store(true)
		case hazelcast.LifecycleStateDisconnected, hazelcast.LifecycleStateShutDown:
			up.Store(false)
		case hazelcast.LifecycleStateShuttingDown:
			brake.runs.Store(false)
			return
		default:
			return
		}
		ring(bell)
	})
	c.AddMembershipListener(func(hzcluster.MembershipStateChanged) { ring(bell) })
	client, err := hazelcast.StartNewClientWithConfig(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("connect to Hazelcast cluster %q at %v (is that its name there?): %w", h.opts.Cluster, addresses, err)
	}
	brake.runs.Store(true)
	return client, nil
}

func stopClient(ctx context.Context, c *hazelcast.Client) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopFor)
	defer cancel()
	_ = c.Shutdown(ctx) // what it could not end in time is the library's
}

// openLink finds everything that the clients are to reach and begins to listen.
func (h *Hazelcast) openLink(ctx context.Context, l *link) error {
	ctx, cancel := context.WithTimeout(ctx, 10*callTimeout)
	defer cancel()
	var err error
	open := func(what func(context.Context) error) {
		if err == nil {
			err = l.try(ctx, what)
		}
	}
	mapOf := func(to **hazelcast.Map, client *hazelcast.Client, name string) {
		open(func(ctx context.Context) (err error) { *to, err = client.GetMap(ctx, name); return })
	}
	topic := func(to **hazelcast.Topic, name string) {
		open(func(ctx context.Context) (err error) { *to, err = l.small.GetTopic(ctx, name); return })
	}
	mapOf(&l.log, l.small, "log")
	mapOf(&l.nodes, l.small, "nodes")
	mapOf(&l.presence, l.small, "presence")
	mapOf(&l.pollers, l.small, "pollers")
	mapOf(&l.claims, l.small, "claims")
	mapOf(&l.readings, l.small, "readings")
	mapOf(&l.channels, l.small, "channels")
	mapOf(&l.alerts, l.small, "alerts")
	mapOf(&l.bulkAlerts, l.bulk, "alerts")
	mapOf(&l.bulkReading, l.bulk, "readings")
	mapOf(&l.bulkEntries, l.bulk, "presence")
	topic(&l.beacons, "nodes")
	topic(&l.copied, "copied")
	for i := range l.topics {
		topic(&l.topics[i], "readings-"+strconv.Itoa(i))
	}
	ringOf := func(to **hazelcast.Ringbuffer, client *hazelcast.Client) {
		open(func(ctx context.Context) (err error) { *to, err = client.GetRingbuffer(ctx, "messages"); return })
		open(func(ctx context.Context) error {
			// Asked before anybody else can: the client keeps the answer without a lock, and would ask without a deadline.
			capacity, err := (*to).Capacity(ctx)
			l.readMax = int32(min(readMost, capacity)) // #nosec G115 -- at most readMost
			return err
		})
	}
	ringOf(&l.ring, l.small)
	ringOf(&l.ringEnd, l.ear)
	open(func(ctx context.Context) error { return l.hear(ctx, l.beacons, h.nodes.hear) })
	open(func(ctx context.Context) error { return l.hear(ctx, l.copied, h.messages.hearCopied) })
	if err != nil {
		return fmt.Errorf("open the structures of Hazelcast cluster %q: %w", h.opts.Cluster, err)
	}
	return nil
}

// pause waits for d or the end of ctx.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
