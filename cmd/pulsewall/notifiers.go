package main

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/pulsewall/pulsewall/alerts"
	"github.com/pulsewall/pulsewall/alerts/notify"
)

// alertsConfig says who is told of alerts.
type alertsConfig struct {
	Webhooks []notify.WebhookOptions `yaml:"webhooks,omitempty"`
	Email    *notify.EmailOptions    `yaml:"email,omitempty"`
}

// resolveNotifiers makes the notifiers that c.Alerts describes. The feeds must have been resolved.
func (c *config) resolveNotifiers(f *file) {
	c.notifiers = nil
	for i, o := range c.Alerts.Webhooks {
		openNotifier(c, f, fmt.Sprintf("alerts.webhooks[%d]", i), o, notify.NewWebhook)
		c.checkTold(f, fmt.Sprintf("alerts.webhooks[%d].feeds", i), o.Feeds)
	}
	if o := c.Alerts.Email; o != nil {
		openNotifier(c, f, "alerts.email", *o, notify.NewEmail)
		c.checkTold(f, "alerts.email.feeds", o.Feeds)
	}
}

// openNotifier makes one of its options, with ${NAME} in their strings taken from the environment. Mistakes are noted at path.
func openNotifier[O any, N alerts.Notifier](c *config, f *file, path string, o O, open func(O) (N, error)) {
	x := expander{file: f, env: c.environ}
	filled := x.expand(path, reflect.ValueOf(o)).Interface().(O)
	if x.failed {
		return
	}
	n, err := open(filled)
	if err != nil {
		f.option(path, err)
		return
	}
	if slices.ContainsFunc(c.notifiers, func(other alerts.Notifier) bool { return other.Name() == n.Name() }) {
		f.fault(path+".name", "another one is called %q already; allowed: a name of its own", n.Name())
		return
	}
	c.notifiers = append(c.notifiers, n)
}

// checkTold notes feeds that a notifier asks for and that have no alerts.
func (c *config) checkTold(f *file, path string, names []string) {
	var have []string
	for _, feed := range c.feeds {
		if len(feed.AlertFor) > 0 {
			have = append(have, feed.Name)
		}
	}
	allowed := strings.Join(have, ", ")
	if allowed == "" {
		allowed = "none, as no feed has alerts: true"
	}
	for i, name := range names {
		if !slices.Contains(have, name) && !slices.Contains(c.broken, name) {
			f.fault(fmt.Sprintf("%s[%d]", path, i), "%q is no feed with alerts; allowed: %s", name, allowed)
		}
	}
}
