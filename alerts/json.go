package alerts

import (
	"encoding/json"
	"time"
)

// moment is a time as all that clients see are: in UTC, with milliseconds.
type moment time.Time

// IsZero says whether it is to be left out.
func (m moment) IsZero() bool { return time.Time(m).IsZero() }

// MarshalJSON writes it.
func (m moment) MarshalJSON() ([]byte, error) {
	return []byte(time.Time(m).UTC().Format(`"2006-01-02T15:04:05.000Z"`)), nil
}

// MarshalJSON writes an alert with its times in UTC, with milliseconds.
func (a Alert) MarshalJSON() ([]byte, error) {
	type plain Alert // without this method
	return json.Marshal(struct {
		plain
		Since   moment `json:"since"`
		Raised  moment `json:"raised"`
		Cleared moment `json:"cleared,omitzero"`
	}{plain(a), moment(a.Since), moment(a.Raised), moment(a.Cleared)})
}

// MarshalJSON writes an acknowledgement likewise.
func (a Ack) MarshalJSON() ([]byte, error) {
	type plain Ack
	return json.Marshal(struct {
		plain
		At moment `json:"at"`
	}{plain(a), moment(a.At)})
}

// MarshalJSON writes an event likewise.
func (e Event) MarshalJSON() ([]byte, error) {
	type plain Event
	return json.Marshal(struct {
		plain
		Time moment `json:"time"`
	}{plain(e), moment(e.Time)})
}
