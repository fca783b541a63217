package main

import (
	"fmt"

	"github.com/pulsewall/pulsewall/feeds"
)

// alertUser is a unionId whose records are judged for alerts: a 64-bit integer, written as a number or in quotes.
type alertUser string

// UnmarshalText reads it.
func (u *alertUser) UnmarshalText(text []byte) error {
	id, err := feeds.ParseUnionID(string(text))
	if err != nil || id == "" {
		return fmt.Errorf("%q is no unionId; allowed: a 64-bit integer", text)
	}
	*u = alertUser(id)
	return nil
}

// alertFor is for whom a feed is judged.
func (c *feedConfig) alertFor() []string {
	var users []string
	if c.Alerts {
		users = append(users, "")
	}
	for _, u := range c.AlertFor {
		users = append(users, string(u))
	}
	return users
}

// checkAlerts notes what is wrong with the alerts of a feed that describes itself as about.
func (c *feedConfig) checkAlerts(f *file, path string, about feeds.Description) {
	key := "alerts"
	if len(c.AlertFor) > 0 {
		key = "alertFor"
	}
	switch {
	case len(c.alertFor()) == 0:
	case len(c.Thresholds) == 0:
		f.fault(path+"."+key, "needs thresholds, which say what an alert is")
	case c.Alerts && c.UnionID == unionIDRequired:
		f.fault(path+".alerts", "the records are each user's own; allowed in its place: alertFor: the unionIds whose records are judged")
	case len(c.AlertFor) > 0 && !about.PerUser:
		f.fault(path+".alertFor", "the records are the same for all users; allowed in its place: alerts: true")
	}
	seen := make(map[alertUser]bool)
	for i, u := range c.AlertFor {
		if seen[u] {
			f.fault(fmt.Sprintf("%s.alertFor[%d]", path, i), "unionId %s stands here a second time", u)
		}
		seen[u] = true
	}
}
