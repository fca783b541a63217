package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pulsewall/pulsewall/dashboard"
)

// olderClients are the addresses of older clients that are served: their names with commas between, or none.
type olderClients string

// noOlder is written where there are none.
const noOlder = "none"

// allOlder are all of them.
func allOlder() olderClients {
	var names []string
	for _, client := range dashboard.OlderClients() {
		names = append(names, string(client))
	}
	return olderClients(strings.Join(names, ","))
}

// UnmarshalText reads names, each once.
func (v *olderClients) UnmarshalText(text []byte) error {
	if strings.TrimSpace(string(text)) == noOlder {
		*v = noOlder
		return nil
	}
	known := strings.Split(string(allOlder()), ",")
	var names []string
	for part := range strings.SplitSeq(string(text), ",") {
		client := strings.TrimSpace(part)
		if !slices.Contains(known, client) {
			return fmt.Errorf("%q is unknown; allowed: %s, with commas between, or %s", client, strings.Join(known, ", "), noOlder)
		}
		if !slices.Contains(names, client) {
			names = append(names, client)
		}
	}
	*v = olderClients(strings.Join(names, ","))
	return nil
}

// list is what the dashboard takes, for which nil stands for all.
func (v olderClients) list() []dashboard.OlderClient {
	list := []dashboard.OlderClient{}
	switch v {
	case "":
		return nil
	case noOlder:
		return list
	}
	for client := range strings.SplitSeq(string(v), ",") {
		list = append(list, dashboard.OlderClient(client))
	}
	return list
}

// checkMsgFeed says whether there is the feed that /msg is to push. The feeds are resolved.
func (c *config) checkMsgFeed(f *file) error {
	if c.MsgFeed == "" {
		return nil
	}
	var names []string
	for _, feed := range c.feeds {
		names = append(names, feed.Name)
	}
	if slices.Contains(names, string(c.MsgFeed)) || slices.Contains(c.broken, string(c.MsgFeed)) {
		return nil
	}
	slices.Sort(names)
	text := fmt.Sprintf("%q is unknown or disabled; allowed: %s", c.MsgFeed, strings.Join(names, ", "))
	if f.places["msgFeed"] == nil { // a flag or a variable says so
		return fmt.Errorf("--msg-feed: %s", text)
	}
	f.fault("msgFeed", "%s", text)
	return f.err()
}
