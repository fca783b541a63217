package history

import (
	"fmt"
	"strings"
	"testing"
)

// readLog opens the log of a store and says what is in it, as numbers with their data.
func readLog(t *testing.T, s *Store, unnamed string) (epoch string, last int64, list []Message) {
	t.Helper()
	epoch, last, list, err := s.Log(unnamed)
	if err != nil {
		t.Fatalf("Log = %v", err)
	}
	for i, m := range list {
		if m.Key != fmt.Sprint("key ", m.Seq) || i > 0 && m.Seq != list[i-1].Seq+1 || !strings.HasPrefix(string(m.Data), fmt.Sprint("data ", m.Seq)) {
			t.Fatalf("message %d of %d is number %d, %q: %.20q", i, len(list), m.Seq, m.Key, m.Data)
		}
	}
	return epoch, last, list
}

// message is the message of a number, with so many bytes more.
func message(seq int64, more int) Message {
	return Message{Seq: seq, Key: fmt.Sprint("key ", seq), Data: []byte(fmt.Sprint("data ", seq, strings.Repeat(" ", more)))}
}

func TestMessages(t *testing.T) {
	dir, now := t.TempDir(), noon
	s := open(t, dir, &now, LeastSize)
	if epoch, last, list := readLog(t, s, "first"); epoch != "first" || last != 0 || len(list) != 0 {
		t.Errorf("a new log = %s, %d, %v; want first, empty", epoch, last, list)
	}
	var batch []Message
	seq := int64(0)
	for range 10_100 / 100 {
		batch = batch[:0]
		for range 100 {
			seq++
			batch = append(batch, message(seq, 0))
		}
		must(t, s.KeepMessages(batch))
	}
	must(t, s.Close())
	s = open(t, dir, &now, LeastSize)
	if epoch, last, list := readLog(t, s, "second"); epoch != "first" || last != 10_100 || len(list) != mostMessages || list[0].Seq != 101 {
		t.Errorf("after a restart = %s, %d, %d messages from %d; want first, 10100, 10000 from 101", epoch, last, len(list), list[0].Seq)
	}
	for range 600 { // more than a quarter of the file
		seq++
		must(t, s.KeepMessages([]Message{message(seq, 12<<10)}))
	}
	must(t, s.Close())
	s = open(t, dir, &now, LeastSize)
	_, last, list := readLog(t, s, "third")
	var bytes int64
	for _, m := range list {
		bytes += m.size()
	}
	if last != seq || list[len(list)-1].Seq != seq || bytes > LeastSize/4 || bytes < LeastSize/5 {
		t.Errorf("large ones: last %d, %d messages of %d bytes; want %d, and a quarter of the file", last, len(list), bytes, seq)
	}
	if state := s.Stats(); state.Size > LeastSize {
		t.Errorf("the file has %d bytes; want %d at most", state.Size, LeastSize)
	}
}
