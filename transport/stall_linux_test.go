package transport

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"
)

// TestStallsAndComesBack: clients with small buffers that stop reading now and then, and ask for things meanwhile, get each message once and
// in its place, and the newest reading in the end. Those that do not stall hold nobody up, and nobody them.
func TestStallsAndComesBack(t *testing.T) {
	t.Parallel()
	s := newSite(t, Options{}, false)
	const clients, messages = 12, 400
	var wg sync.WaitGroup
	for i := range clients {
		var header map[string][]string
		if i%2 == 1 {
			header = map[string][]string{"Sec-Websocket-Extensions": {"permessage-deflate"}}
		}
		c, err := shakeHands(narrow(t, s), s, query("unionId", "7", "sub", "cpu"), header)
		if err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			if err := stalls(t, c, i, messages); err != nil {
				t.Errorf("client %d: %v", i, err)
			}
		})
	}
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for seq := int64(1); seq <= messages; seq++ {
		<-ticker.C
		say(s.Hub, seq, everybody)
		s.Put(NewUpdate("cpu", seq, seq-1, text{"cpu", seq, int(seq*97) % 9000}))
	}
	wg.Wait()
	t.Logf("%+v", s.Stats())
}

// stalls reads until the last message and the last reading have come.
func stalls(t *testing.T, c *wsClient, number, messages int) error {
	var message, reading, replies, asked int
	for message < messages || reading < messages || replies < asked {
		switch {
		case number%3 == 0: // never stalls
		case rand.IntN(20) == 0:
			pause(t.Context(), time.Duration(rand.IntN(100))*time.Millisecond)
		}
		if rand.IntN(10) == 0 && asked < 100 {
			c.text(fmt.Sprintf(`{"op":"ping","ref":"%d"}`, asked))
			asked++
		}
		e, err := c.next()
		if err != nil {
			return fmt.Errorf("after message %d, reading %d, %d of %d replies: %w", message, reading, replies, asked, err)
		}
		var d struct {
			Version, Data int
			Ref           string
		}
		if err := json.Unmarshal(e.Data, &d); err != nil {
			return err
		}
		switch e.Event {
		case "message":
			if message++; d.Data != message {
				return fmt.Errorf("message %d; want %d", d.Data, message)
			}
		case "reading":
			if d.Version <= reading {
				return fmt.Errorf("reading %d after %d", d.Version, reading)
			}
			reading = d.Version
		case "reply":
			if d.Ref != fmt.Sprint(replies) {
				return fmt.Errorf("reply %s; want %d", d.Ref, replies)
			}
			replies++
		}
	}
	return nil
}
