package feeds

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/eclipse/paho.golang/autopaho"
	"github.com/eclipse/paho.golang/paho"
)

// MQTTOptions name topics of an MQTT 5 broker. The newest message of each topic is a record.
type MQTTOptions struct {
	URL      Secret   `yaml:"url,omitempty"`      // mqtt://user:password@host:1883; with TLS mqtts://
	Topics   []string `yaml:"topics,omitempty"`   // filters, with + and #; a level {unionId} stands for the user, in all of them or in none
	Most     int      `yaml:"most,omitempty"`     // topics, of all users together, 1 to 10,000; default 1,000
	MaxBytes int      `yaml:"maxBytes,omitempty"` // of a message; larger ones are not taken; 1 to 1 MiB; default 64 KiB
	ClientID string   `yaml:"clientId,omitempty"` // begins the client's name, which differs by node; default pulsewall
	CA       string   `yaml:"ca,omitempty"`       // certificates to trust, as PEM; default: those of the system
}

const (
	defaultMessage = 64 << 10
	mostMessage    = 1 << 20
	mostHeld       = 64 << 20 // bytes of all messages
	mqttAlive      = 15       // seconds after which a silent connection is asked whether it is alive
	mqttConnect    = 5 * time.Second
	mqttAgain      = 15 * time.Second // the longest pause before connecting again
	topicSpace     = 64 << 10         // what a packet has beside its message, at most
)

// MQTT is a Source that subscribes. Every node does, for as long as it runs: what is not retained comes once, and the node
// that polls next has to know it too. What came over an earlier connection is forgotten, for it may have been missed that
// it changed.
type MQTT struct {
	opts    MQTTOptions
	filters []filterOfTopics
	config  autopaho.ClientConfig

	mu      sync.Mutex
	held    map[string]map[string]heldMessage // by unionId and topic; guarded by mu, like all below
	taken   int                               // messages
	count   int
	size    int
	full    bool // there was no room for a topic
	large   largeMessage
	up      bool          // connected, and subscribed
	fault   error         // why not; nil: it has not been seen yet
	changed chan struct{} // closed when up or fault change
}

// heldMessage is the newest of a topic.
type heldMessage struct {
	payload  []byte
	at       time.Time
	retained bool
}

// largeMessage is one that was not taken, as long as none has come in its place.
type largeMessage struct{ user, topic string }

// NewMQTT checks the options; it does not connect. Errors are a *OptionError.
func NewMQTT(o MQTTOptions) (*MQTT, error) {
	m := &MQTT{opts: o, changed: make(chan struct{}), held: make(map[string]map[string]heldMessage)}
	m.opts.Most, m.opts.MaxBytes = cmp.Or(o.Most, defaultMost), cmp.Or(o.MaxBytes, defaultMessage)
	m.opts.ClientID = cmp.Or(o.ClientID, "pulsewall")
	switch {
	case m.opts.Most < 1 || m.opts.Most > mostRecords:
		return nil, &OptionError{Key: "most", Problem: fmt.Sprintf("%d: 1 to %d is allowed", o.Most, mostRecords)}
	case m.opts.MaxBytes < 1 || m.opts.MaxBytes > mostMessage:
		return nil, &OptionError{Key: "maxBytes", Problem: fmt.Sprintf("%d: 1 to %d is allowed", o.MaxBytes, mostMessage)}
	case !validName(m.opts.ClientID):
		return nil, &OptionError{Key: "clientId", Problem: quote(o.ClientID) + ": 1–64 of A–Z a–z 0–9 . _ - are allowed"}
	}
	var err error
	if m.filters, err = filtersOfTopics(o.Topics); err != nil {
		return nil, err
	}
	return m, m.prepare()
}

func (m *MQTT) prepare() error {
	u, err := url.Parse(m.opts.URL.Reveal())
	if err != nil || u.Scheme != "mqtt" && u.Scheme != "mqtts" || u.Hostname() == "" {
		return &OptionError{Key: "url", Problem: "want mqtt://user:password@host:1883, or mqtts:// with TLS"}
	}
	if u.Port() == "" {
		u.Host += map[string]string{"mqtt": ":1883", "mqtts": ":8883"}[u.Scheme]
	}
	m.config = autopaho.ClientConfig{
		KeepAlive: mqttAlive, ConnectTimeout: mqttConnect, CleanStartOnInitialConnection: true,
		ReconnectBackoff: autopaho.NewExponentialBackoff(100*time.Millisecond, mqttAgain, time.Second, 2),
		ConnectUsername:  u.User.Username(),
	}
	if password, ok := u.User.Password(); ok {
		m.config.ConnectPassword = []byte(password)
	}
	if u.Scheme == "mqtts" {
		if m.config.TlsCfg, err = Trusting("ca", m.opts.CA); err != nil {
			return err
		}
		m.config.TlsCfg.ServerName = u.Hostname()
	} else if m.opts.CA != "" {
		return &OptionError{Key: "ca", Problem: "there is no TLS without mqtts:// in url"}
	}
	u.User = nil
	m.config.ServerUrls = []*url.URL{u}
	return nil
}

// Describe says which fields the records surely have.
func (m *MQTT) Describe() Description {
	return Description{Whole: true, PerUser: m.filters[0].user >= 0, ID: "topic", Time: "receivedAt"}
}

// Run stays subscribed until ctx ends, and connects again by itself.
func (m *MQTT) Run(ctx context.Context, wake func(unionID string)) error {
	ctx, stop := context.WithCancel(ctx)
	var subscribing sync.WaitGroup
	defer subscribing.Wait()
	defer stop()
	config := m.config
	config.ClientID = m.opts.ClientID + "-" + rand.Text()[:8]
	config.ConnectPacketBuilder = m.packet
	config.OnConnectError = func(err error) { m.set(false, err, wake) }
	lose := func() {} // ends what is done on the connection that there is
	config.OnConnectionDown = func() bool {
		lose()
		subscribing.Wait() // or it might say of this connection what is not so of the next
		m.set(false, errBrokerLost, wake)
		return true
	}
	config.OnConnectionUp = func(cm *autopaho.ConnectionManager, _ *paho.Connack) {
		m.forget()
		on, cancel := context.WithCancel(ctx) // #nosec G118 -- lose calls it, or the end of ctx does
		lose = cancel
		subscribing.Go(func() { m.keepSubscribing(on, cm, wake) })
	}
	config.OnPublishReceived = []func(paho.PublishReceived) (bool, error){func(p paho.PublishReceived) (bool, error) {
		if user, ok := m.take(p.Packet); ok {
			wake(user)
		}
		return true, nil
	}}
	cm, err := autopaho.NewConnection(ctx, config)
	if err != nil {
		return m.hide(err)
	}
	<-cm.Done()
	return nil
}

// packet asks the broker to keep what is too large, and to begin anew each time.
func (m *MQTT) packet(c *paho.Connect, _ *url.URL) (*paho.Connect, error) {
	largest := uint32(m.opts.MaxBytes + topicSpace)
	c.CleanStart = true
	c.Properties = &paho.ConnectProperties{MaximumPacketSize: &largest}
	return c, nil
}

// subscribe says what the broker refuses.
func (m *MQTT) subscribe(ctx context.Context, cm *autopaho.ConnectionManager) error {
	ctx, cancel := context.WithTimeout(ctx, mqttConnect)
	defer cancel()
	var list []paho.SubscribeOptions
	for _, f := range m.filters {
		list = append(list, paho.SubscribeOptions{Topic: f.topic(), QoS: 1})
	}
	ack, err := cm.Subscribe(ctx, &paho.Subscribe{Subscriptions: list})
	if ack == nil {
		return err
	}
	for i, reason := range ack.Reasons {
		if reason >= 0x80 && i < len(list) {
			return refusedTopic(m.opts.Topics[i], reason)
		}
	}
	return err
}

// set notes the state of the connection, and has it told.
func (m *MQTT) set(up bool, fault error, wake func(string)) {
	m.mu.Lock()
	if was := m.fault; !m.up && was != nil && fault != nil {
		m.fault = m.explain(fault)
		m.mu.Unlock()
		return // it is told already that there is no connection
	}
	m.up, m.fault = up && fault == nil, m.explain(fault)
	close(m.changed)
	m.changed = make(chan struct{})
	m.mu.Unlock()
	wake("")
}

// forget is for a new connection.
func (m *MQTT) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.held, m.count, m.size, m.full, m.large = make(map[string]map[string]heldMessage), 0, 0, false, largeMessage{}
}

// take keeps a message, and says whose it is. One without a payload ends its topic.
func (m *MQTT) take(p *paho.Publish) (user string, ok bool) {
	if user, ok = userOfTopic(m.filters, p.Topic); !ok {
		return "", false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.taken++
	if len(p.Payload) > m.opts.MaxBytes {
		m.large = largeMessage{user, p.Topic}
		return user, true
	}
	if m.large.topic == p.Topic {
		m.large = largeMessage{}
	}
	topics := m.held[user]
	old, known := topics[p.Topic]
	if len(p.Payload) == 0 {
		if known {
			delete(topics, p.Topic)
			if len(topics) == 0 {
				delete(m.held, user)
			}
			m.count--
			m.size -= len(old.payload)
		}
		return user, known
	}
	if size := m.size - len(old.payload) + len(p.Payload); !known && m.count >= m.opts.Most || size > mostHeld {
		m.full = true
		return user, true
	} else if m.size = size; !known {
		m.count++
	}
	if topics == nil {
		topics = make(map[string]heldMessage)
		m.held[user] = topics
	}
	topics[p.Topic] = heldMessage{payload: slices.Clone(p.Payload), at: time.Now(), retained: p.Retain}
	return user, true
}

// Poll returns what was heard since the connection was made. While there is none it fails; at first it waits for it.
func (m *MQTT) Poll(ctx context.Context, q Query) (Result, error) {
	for {
		m.mu.Lock()
		up, fault, changed := m.up, m.fault, m.changed
		m.mu.Unlock()
		switch {
		case up:
			return m.records(q.UnionID)
		case fault != nil:
			return Result{}, &awayError{fmt.Errorf("not connected to the broker: %w", fault)}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return Result{}, ctx.Err()
		}
	}
}

// awayError is an ErrAway that tells why.
type awayError struct{ error }

func (awayError) Is(target error) bool { return target == ErrAway }
func (e awayError) Unwrap() error      { return e.error }

func (m *MQTT) records(user string) (Result, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.full {
		return Result{}, fmt.Errorf("more than %d topics, or %d MiB, are published; narrow topics, or raise most, to %d at most", m.opts.Most, mostHeld>>20, mostRecords)
	}
	var out Result
	if m.large.topic != "" && m.large.user == user {
		out.Note = fmt.Sprintf("The newest message of topic %s has more than %d bytes and is not taken; raise maxBytes.", quote(m.large.topic), m.opts.MaxBytes)
	}
	for topic, msg := range m.held[user] {
		r := Record{"topic": topic, "retained": msg.retained, "receivedAt": nil}
		if !msg.retained { // else nobody knows how old it is
			r["receivedAt"] = msg.at
		}
		addValue(r, "value", string(msg.payload))
		out.Records = append(out.Records, r)
	}
	slices.SortFunc(out.Records, func(a, b Record) int { return cmp.Compare(a["topic"].(string), b["topic"].(string)) })
	return out, nil
}
