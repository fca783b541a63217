package acceptance

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// letter is one message of a courier, and what the courier knows of it.
type letter struct {
	courier, number int
	all             bool
	room            string
	users           []string

	begun, done time.Time // the first attempt; the answer
	at          place     // where it stands; without an epoch: no answer
	degraded    bool
	on          *site   // that answered
	doubt       bool    // an attempt before the one that was answered may have been taken as well
	alone       []place // where it was said on a node alone, as far as anybody heard
}

// isFor says whether somebody is to get it.
func (l *letter) isFor(user string, rooms []string) bool {
	if l.all {
		return true
	}
	return (l.room == "" || slices.Contains(rooms, l.room)) && (len(l.users) == 0 || slices.Contains(l.users, user))
}

func (l *letter) String() string { return fmt.Sprintf("letter %d-%d (%s)", l.courier, l.number, l.at) }

// place is a position in the order of messages, read from an id.
type place struct {
	epoch string
	seq   int64
	life  string // of a node that was alone
	n     int64
}

func parsePlace(id string) (p place, err error) {
	id, _, _ = strings.Cut(id, ".") // of a cursor
	shared, alone, isAlone := strings.Cut(id, "+")
	read := func(s string) (name string, n int64) {
		name, digits, _ := strings.Cut(s, "-")
		n, bad := strconv.ParseInt(digits, 10, 64)
		err = errors.Join(err, bad)
		return name, n
	}
	p.epoch, p.seq = read(shared)
	if isAlone {
		p.life, p.n = read(alone)
	}
	return p, err
}

func (p place) String() string {
	if p.life == "" {
		return fmt.Sprint(p.epoch, "-", p.seq)
	}
	return fmt.Sprint(p.epoch, "-", p.seq, "+", p.life, "-", p.n)
}

// couriers send letters through any node at a rate. A letter of which it is not known whether it was taken is sent again under the same
// key through any node, as often as it takes.
type couriers struct {
	nodes []*site

	mu      sync.Mutex
	letters []*letter // guarded by mu, like what stands in them
	problem error     // an answer that must not be
}

// Bounds of sending: how many letters of a courier are under way at most, and how long one may take.
const (
	underWay  = 1000
	answerFor = 8 * time.Second
	letterFor = 90 * time.Second
)

// send has a courier send a letter every so often until ctx ends, and returns when all are answered.
func (c *couriers) send(ctx context.Context, courier int, every time.Duration) {
	var sending sync.WaitGroup
	defer sending.Wait()
	free := make(chan struct{}, underWay)
	began := time.Now()
	for number := 0; ; number++ { // who is late sends more at a time
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Until(began.Add(time.Duration(number) * every))):
		}
		free <- struct{}{}
		l := addressed(courier, number)
		sending.Go(func() {
			c.deliver(l, c.nodes[courier%len(c.nodes)])
			<-free
		})
	}
}

// addressed is a letter to all, to one of ten rooms, to two users, to users in a room, or to somebody who is never there.
func addressed(courier, number int) *letter {
	l := &letter{courier: courier, number: number}
	room, user := fmt.Sprint("r", number/20%10), fmt.Sprint(100+number/7%100)
	switch kind := number % 20; {
	case kind == 0:
		l.all = true
	case kind < 8:
		l.room = room
	case kind < 16:
		l.users = []string{user, fmt.Sprint(100 + number/3%100)}
	case kind < 19:
		l.room, l.users = room, []string{user, fmt.Sprint(100 + number%100)}
	default:
		l.users = []string{"7"}
	}
	return l
}

// deliver sends a letter until it is answered, first through one node, then through any.
func (c *couriers) deliver(l *letter, through *site) {
	c.mu.Lock()
	c.letters = append(c.letters, l)
	l.begun = time.Now()
	c.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), letterFor)
	defer cancel()
	for ctx.Err() == nil {
		receipt, status, err := through.post(ctx, l)
		c.mu.Lock()
		switch {
		case status == http.StatusAccepted && err == nil:
			l.done, l.degraded, l.on = time.Now(), receipt.Degraded, through
			if l.at, err = parsePlace(receipt.ID); err != nil || (l.at.life != "") != l.degraded {
				c.problem = fmt.Errorf("%v was answered with %+v", l, receipt)
			}
			c.mu.Unlock()
			return
		case status == http.StatusServiceUnavailable || status == http.StatusAccepted || status == 0 && !refused(err):
			l.doubt = true
		case status != 0:
			c.problem = fmt.Errorf("%v was answered with %d: %w", l, status, err)
		}
		c.mu.Unlock()
		through = c.nodes[rand.IntN(len(c.nodes))]
		select {
		case <-ctx.Done():
		case <-time.After(time.Duration(20+rand.IntN(100)) * time.Millisecond):
		}
	}
}

// refused says whether nobody was there to take a request.
func refused(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// receipt is the answer to a message.
type receipt struct {
	ID       string
	Degraded bool
}

// post sends a letter once. The status is 0 when there was no answer.
func (s *site) post(ctx context.Context, l *letter) (r receipt, status int, err error) {
	ctx, cancel := context.WithTimeout(ctx, answerFor)
	defer cancel()
	to := make(map[string]any)
	if l.all {
		to["all"] = true
	}
	if l.room != "" {
		to["room"] = l.room
	}
	if l.users != nil {
		to["users"] = l.users
	}
	body, err := json.Marshal(map[string]any{
		"to": to, "key": fmt.Sprint("n", l.number), "unionId": fmt.Sprint(1000 + l.courier), "data": []int{l.courier, l.number},
	})
	if err != nil {
		return r, 0, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+"/api/messages", bytes.NewReader(body))
	if err != nil {
		return r, 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := clients.Do(req)
	if err != nil {
		return r, 0, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusAccepted {
		return r, resp.StatusCode, fmt.Errorf("%s: %s", resp.Status, answer)
	}
	return r, resp.StatusCode, errors.Join(err, json.Unmarshal(answer, &r))
}
