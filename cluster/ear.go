package cluster

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/hazelcast/hazelcast-go-client"
)

const (
	// probeAfter is how long after a change of members or a reconnect the topics are probed: by then the client has
	// connected to all members.
	probeAfter = 3 * time.Second
	// probeKind stands first in a probe, where other frames have their version.
	probeKind = 0
)

// ears are the topics that this node hears over one link. A topic that was heard once is heard for the life of the link:
// members go on sending what a client has asked them not to. The client registers its listeners again after a reconnect
// and with new members, but tells nobody when it could not; so the topics are probed then.
type ears struct {
	probe string // this link's own
	failures

	mu    sync.Mutex
	heard map[*hazelcast.Topic]ear // guarded by mu
}

type ear struct {
	listen func(context.Context) error
	echo   chan struct{} // size 1: the probe has come back
}

// hear begins to listen. The handler must only hand over.
func (e *ears) hear(ctx context.Context, topic *hazelcast.Topic, handler hazelcast.TopicMessageHandler) error {
	ctx = whole(ctx) // a client that asks several members repeats by itself, with a message for each time
	own := string(append([]byte{probeKind}, e.probe...))
	echo := make(chan struct{}, 1)
	listen := func(ctx context.Context) error {
		_, err := topic.AddMessageListener(ctx, func(m *hazelcast.MessagePublished) {
			if b, ok := m.Value.([]byte); ok && string(b) == own {
				ring(echo)
				return
			}
			handler(m)
		})
		return err
	}
	if err := listen(ctx); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.heard == nil {
		e.heard = make(map[*hazelcast.Topic]ear)
	}
	e.heard[topic] = ear{listen: listen, echo: echo}
	return nil
}

// check probes all topics and listens again to those that are silent. After an error it is to be repeated.
func (e *ears) check(ctx context.Context) error {
	e.mu.Lock()
	heard := maps.Clone(e.heard)
	e.mu.Unlock()
	var probing sync.WaitGroup
	errs := make(chan error, len(heard))
	for topic, ear := range heard {
		probing.Go(func() { errs <- e.ask(ctx, topic, ear) })
	}
	probing.Wait()
	close(errs)
	var all error
	for err := range errs {
		all = errors.Join(all, err)
	}
	return all
}

// ask probes one topic.
func (e *ears) ask(ctx context.Context, topic *hazelcast.Topic, own ear) error {
	select {
	case <-own.echo: // a late one of the last time
	default:
	}
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	probe := append([]byte{probeKind}, e.probe...)
	if err := e.try(call, func(ctx context.Context) error { return topic.Publish(ctx, probe) }); err != nil {
		return err
	}
	select {
	case <-own.echo:
		return nil
	case <-call.Done():
	}
	again, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return errors.Join(errors.New("cluster: a topic was silent"), own.listen(again))
}
