package history

import (
	"bytes"
	"fmt"

	"go.etcd.io/bbolt"
)

var bucketAlerts = []byte("alerts") // key -> an alert, as who keeps it writes it

// Alerts returns the alerts that are kept, by key.
func (s *Store) Alerts() (all map[string][]byte, err error) {
	all = make(map[string][]byte)
	err = s.view(func(tx *bbolt.Tx) error {
		bucket := tx.Bucket(bucketAlerts)
		if bucket == nil {
			return nil
		}
		return bucket.ForEach(func(key, value []byte) error {
			all[string(key)] = bytes.Clone(value)
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read alerts: %w", err)
	}
	return all, nil
}

// SwapAlert puts next in the place of old, if that is what is under the key, and returns what is there then, which is in the file. nil is
// nothing.
func (s *Store) SwapAlert(key string, old, next []byte) (now []byte, err error) {
	s.writing.Lock()
	defer s.writing.Unlock()
	err = s.change(func(tx *bbolt.Tx) error {
		bucket, err := tx.CreateBucketIfNotExists(bucketAlerts)
		if err != nil {
			return err
		}
		now = bytes.Clone(bucket.Get([]byte(key)))
		switch {
		case (now == nil) != (old == nil) || !bytes.Equal(now, old):
			return nil
		case next == nil:
			now = nil
			return bucket.Delete([]byte(key))
		}
		now = next
		return bucket.Put([]byte(key), next)
	}, func() {})
	if err != nil {
		return nil, fmt.Errorf("keep an alert: %w", err)
	}
	return now, nil
}
