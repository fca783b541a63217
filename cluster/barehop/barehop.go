// Package barehop measures the least that a message between two programs costs over Hazelcast: one topic, one who
// publishes, one who listens, and nothing of pulsewall. What pulsewall does is judged beside it.
package barehop

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/hazelcast/hazelcast-go-client"
	"github.com/hazelcast/hazelcast-go-client/logger"
)

// Hop is a topic between two clients of the same members.
type Hop struct {
	from, to *hazelcast.Client
	topic    *hazelcast.Topic
	began    time.Time
	took     chan time.Duration
}

// Open connects two clients to the members of the named cluster. Receipts beyond as many as may wait to be taken are dropped. The
// caller must Close the hop.
func Open(ctx context.Context, cluster string, waiting int, addresses ...string) (*Hop, error) {
	h := &Hop{began: time.Now(), took: make(chan time.Duration, waiting)}
	err := h.open(ctx, cluster, addresses)
	if err != nil {
		h.Close(ctx)
		return nil, fmt.Errorf("open a bare topic on %v: %w", addresses, err)
	}
	return h, nil
}

func (h *Hop) open(ctx context.Context, cluster string, addresses []string) (err error) {
	config := hazelcast.Config{}
	config.Cluster.Name = cluster
	config.Cluster.Network.SetAddresses(addresses...)
	config.Logger.Level = logger.OffLevel // errors come back from the calls
	for _, client := range []**hazelcast.Client{&h.from, &h.to} {
		if *client, err = hazelcast.StartNewClientWithConfig(ctx, config); err != nil {
			return err
		}
	}
	listened, err := h.to.GetTopic(ctx, "bare")
	if err != nil {
		return err
	}
	if _, err := listened.AddMessageListener(ctx, h.hear); err != nil {
		return err
	}
	h.topic, err = h.from.GetTopic(ctx, "bare")
	return err
}

func (h *Hop) hear(m *hazelcast.MessagePublished) {
	now := time.Since(h.began)
	data, _ := m.Value.([]byte)
	if len(data) < 8 {
		return // not from Send
	}
	select {
	case h.took <- now - time.Duration(binary.BigEndian.Uint64(data)):
	default: // nobody takes them
	}
}

// Send publishes as many bytes, 8 at least, and returns when a member has taken them.
func (h *Hop) Send(ctx context.Context, size int) error {
	data := make([]byte, max(size, 8))
	binary.BigEndian.PutUint64(data, uint64(time.Since(h.began)))
	return h.topic.Publish(ctx, data)
}

// Took gives, for each that was sent and came, the time from one to the other.
func (h *Hop) Took() <-chan time.Duration { return h.took }

// Close ends both clients.
func (h *Hop) Close(ctx context.Context) {
	for _, client := range []*hazelcast.Client{h.from, h.to} {
		if client != nil {
			_ = client.Shutdown(ctx) // the process ends it otherwise
		}
	}
}
