package feeds

import (
	"errors"
	"fmt"

	"github.com/eclipse/paho.golang/autopaho"
)

var errBrokerLost = errors.New("the connection was lost; it is made again by itself")

// connackAdvice is what to do about the reasons for which brokers refuse a client (MQTT 5, 3.2.2.2).
var connackAdvice = map[byte]string{
	0x84: "it does not speak MQTT 5; use a broker that does",
	0x85: "it does not take the client's name; set another clientId",
	0x86: "check user and password in url",
	0x87: "let the user in url connect, or check user and password",
	0x88: "it is unavailable; it is tried again by itself",
	0x89: "it is busy; it is tried again by itself",
	0x8a: "it has banned this client; ask who runs it",
	0x97: "its quota is used up; ask who runs it",
	0x9c: "it names another server; put that into url",
	0x9d: "it has moved to another server; put that into url",
	0x9f: "it takes fewer connections a second; it is tried again by itself",
}

// subackAdvice is what to do about the reasons for which they refuse a topic (MQTT 5, 3.9.3).
var subackAdvice = map[byte]string{
	0x87: "let the user in url read it",
	0x8f: "it takes no such filter; name other topics",
	0x97: "its quota is used up; narrow topics",
	0xa2: "it has no wildcards; name each of the topics",
}

// explain says of an error of the connection what to do, without the password.
func (m *MQTT) explain(err error) error {
	if err == nil {
		return nil
	}
	where := m.config.ServerUrls[0].Host
	var refused *autopaho.ConnackError
	if errors.As(err, &refused) && refused.ReasonCode >= 0x80 {
		return m.hide(fmt.Errorf("%s refuses (reason %#x); %s", where, refused.ReasonCode, adviceFor(connackAdvice, refused.ReasonCode, "see what its log says")))
	}
	if said := unreachable(where, err); said != "" {
		return errors.New(said)
	}
	return m.hide(err)
}

// hide keeps the password out of an error.
func (m *MQTT) hide(err error) error {
	return HideSecrets(err, m.opts.URL, Secret(m.config.ConnectPassword))
}

// refusedTopic says that the broker does not let a topic be read.
func refusedTopic(topic string, reason byte) error {
	return fmt.Errorf("the broker refuses topic %s (reason %#x); %s", quote(topic), reason, adviceFor(subackAdvice, reason, "see what its log says, or name other topics"))
}

func adviceFor(all map[byte]string, reason byte, otherwise string) string {
	if what := all[reason]; what != "" {
		return what
	}
	return otherwise
}
