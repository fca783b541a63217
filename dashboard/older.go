package dashboard

import (
	"fmt"
	"slices"

	"github.com/pulsewall/pulsewall/feeds"
)

// OlderClient names an address for pages and programs that were written for another server.
type OlderClient string

// The addresses of older clients; docs/protocol.md says what each does.
const (
	OlderMsg     OlderClient = "msg"     // WebSocket /msg
	OlderHello1  OlderClient = "hello1"  // /index/hello1
	OlderMessage OlderClient = "message" // WebSocket /message
	OlderChannel OlderClient = "channel" // WebSocket /channel and POST /api/channels
	OlderSockJS  OlderClient = "sockjs"  // /sockjs
)

// OlderClients are all of them.
func OlderClients() []OlderClient {
	return []OlderClient{OlderMsg, OlderHello1, OlderMessage, OlderChannel, OlderSockJS}
}

// takeOlder checks what the options say of older clients, and fills in what they do not. The feeds are checked already.
func (d *Dashboard) takeOlder(list []feeds.Feed) error {
	o := &d.opts
	if o.OlderClients == nil {
		o.OlderClients = OlderClients()
	}
	for _, client := range o.OlderClients {
		if !slices.Contains(OlderClients(), client) {
			return fmt.Errorf("older clients %q: allowed are %v", client, OlderClients())
		}
	}
	if o.MsgFeed == "" {
		o.MsgFeed = d.msgFeed(list)
	} else if _, ok := d.abouts[o.MsgFeed]; !ok {
		return fmt.Errorf("feed %q of /msg: there is no such feed", o.MsgFeed)
	}
	return nil
}

// msgFeed is the first feed that is per user, else the first.
func (d *Dashboard) msgFeed(list []feeds.Feed) string {
	for _, f := range list {
		if d.abouts[f.Name].PerUser {
			return f.Name
		}
	}
	if len(list) == 0 {
		return ""
	}
	return list[0].Name
}

// serves says whether the address of an older client is switched on.
func (d *Dashboard) serves(client OlderClient) bool {
	return slices.Contains(d.opts.OlderClients, client)
}
