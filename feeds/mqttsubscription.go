package feeds

import (
	"context"
	"time"

	"github.com/eclipse/paho.golang/autopaho"
)

const (
	// retainedPause is how long nothing must come for what is retained to have come, and retainedPauses how often that is
	// waited for where there always comes something.
	retainedPause  = 100 * time.Millisecond
	retainedPauses = 5
)

// keepSubscribing subscribes on one connection, and again where the broker refuses or does not answer: its rules may
// change while the connection stays.
func (m *MQTT) keepSubscribing(on context.Context, cm *autopaho.ConnectionManager, wake func(string)) {
	for attempt := 1; ; attempt++ {
		err := m.subscribe(on, cm)
		if err == nil {
			m.hearRetained(on)
		}
		if on.Err() != nil {
			return
		}
		m.set(true, err, wake)
		if err == nil {
			return
		}
		select {
		case <-time.After(m.config.ReconnectBackoff(attempt)):
		case <-on.Done():
			return
		}
	}
}

// hearRetained waits for what the broker has retained, which follows its answer at once: a table without it would look as if it
// were gone, and thresholds would begin anew.
func (m *MQTT) hearRetained(on context.Context) {
	for range retainedPauses {
		before := m.heard()
		select {
		case <-time.After(retainedPause):
		case <-on.Done():
			return
		}
		if m.heard() == before {
			return
		}
	}
}

// heard is how many messages have come.
func (m *MQTT) heard() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.taken
}
