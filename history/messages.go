package history

import (
	"errors"
	"fmt"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// Bounds of the messages that are kept, beside the age that their reader knows. They may take a quarter of the file.
const (
	mostMessages     = 10_000
	mostMessageBytes = 64 << 20
)

var (
	bucketMessages = []byte("messages") // number -> key and data; its sequence is the last number
	bucketLog      = []byte("log")      // the name of the log
	keyEpoch       = []byte("epoch")
)

// Message is one entry of the log of messages. Data may be kept by whoever gets it.
type Message struct {
	Seq  int64
	Key  string
	Data []byte
}

// size is about what it takes in the file.
func (m Message) size() int64 { return int64(len(m.Key) + len(m.Data) + 32) }

// mostMessageBytes is how many bytes of messages are kept.
func (s *Store) mostMessageBytes() int64 { return min(mostMessageBytes, s.opts.MaxSize/4) }

// place is what is known of a message that is in the file.
type place struct {
	seq  int64
	size int64
}

// Log returns the name of the log of messages, which is the given one where there was none, the number of the last message that there
// ever was, and those that are kept, in order. It is called once, before KeepMessages.
func (s *Store) Log(unnamed string) (epoch string, last int64, list []Message, err error) {
	s.keeping.Lock()
	defer s.keeping.Unlock()
	err = s.changeMessages(func(tx *bbolt.Tx) error {
		list = nil
		log, err := tx.CreateBucketIfNotExists(bucketLog)
		if err != nil {
			return err
		}
		messages, err := tx.CreateBucketIfNotExists(bucketMessages)
		if err != nil {
			return err
		}
		if epoch = string(log.Get(keyEpoch)); epoch == "" {
			epoch = unnamed
			if err := log.Put(keyEpoch, []byte(epoch)); err != nil {
				return err
			}
		}
		last = int64(messages.Sequence())
		return messages.ForEach(func(number, value []byte) error {
			r := &reader{rest: value}
			if chunkStart(number) > last { // nobody was told that it is kept, and its number is given again
				return nil
			}
			m := Message{Seq: chunkStart(number), Key: string(r.part()), Data: append([]byte(nil), r.part()...)}
			if r.bad { // it has its place; nobody gets it
				m.Key, m.Data = "", nil
			}
			list = append(list, m)
			return nil
		})
	})
	for _, m := range list {
		s.messages = append(s.messages, place{m.Seq, m.size()})
		s.messageBytes += m.size()
	}
	return epoch, last, list, err
}

// KeepMessages returns when the messages are in the file, all of them or, with an error, none. Their numbers follow the last one. The oldest go when there
// are too many.
func (s *Store) KeepMessages(list []Message) error {
	s.keeping.Lock()
	defer s.keeping.Unlock()
	all, bytes := s.messages, s.messageBytes
	for _, m := range list {
		all = append(all, place{m.Seq, m.size()})
		bytes += m.size()
	}
	drop := 0
	for len(all)-drop > mostMessages || bytes > s.mostMessageBytes() && drop < len(all)-1 {
		bytes -= all[drop].size
		drop++
	}
	err := s.changeMessages(func(tx *bbolt.Tx) error {
		messages := tx.Bucket(bucketMessages)
		for _, m := range list {
			value := appendText(appendText(nil, m.Key), string(m.Data))
			if err := messages.Put(chunkKey(m.Seq), value); err != nil {
				return err
			}
		}
		for _, gone := range all[:drop] {
			if err := messages.Delete(chunkKey(gone.seq)); err != nil {
				return err
			}
		}
		return messages.SetSequence(uint64(list[len(list)-1].Seq))
	})
	if err != nil {
		return fmt.Errorf("keep messages: %w", err)
	}
	s.messages, s.messageBytes = all[drop:], bytes
	return nil
}

// changeMessages waits for one transaction at most, not until the journal is folded. The caller holds keeping.
func (s *Store) changeMessages(write func(*bbolt.Tx) error) error {
	err := s.try(write, func() {})
	if errors.Is(err, bolterrors.ErrMaxSizeReached) {
		s.writing.Lock()
		defer s.writing.Unlock()
		err = s.change(write, func() {})
	}
	return err
}
