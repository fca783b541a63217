package cluster

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/cluster/member"
)

// TestAsk asks another node, for little and for as much as there may be, several at a time, and nodes that do not answer.
func TestAsk(t *testing.T) {
	t.Parallel()
	o := optionsFor(t, startMember(t, member.Options{Cluster: testCluster(t)}))
	answering := o
	answering.Answer = func(question []byte) []byte {
		switch string(question) {
		case "nothing":
			return []byte{}
		case "silence":
			return nil
		case "too much":
			return make([]byte, MaxAnswer+1)
		case "much":
			return bytes.Repeat([]byte("0123456789abcde\n"), MaxAnswer/16)
		}
		return append([]byte("you said "), question...)
	}
	a, b := startNode(t, "a", o), startNode(t, "b", answering)
	joined(t, 20*time.Second, a, b)
	to := incarnationIn(a, "b")
	ask := func(within time.Duration, incarnation, question string) (string, error) {
		ctx, cancel := context.WithTimeout(t.Context(), within)
		defer cancel()
		answer, err := a.Ask(ctx, incarnation, []byte(question))
		return string(answer), err
	}
	eventually(t, 30*time.Second, func() error { // b hears soon after it has joined
		_, err := ask(time.Second, to, "hello")
		return err
	})
	for question, want := range map[string]string{
		"hello": "you said hello", "nothing": "", strings.Repeat("x", MaxFrame): "you said " + strings.Repeat("x", MaxFrame),
		"much": strings.Repeat("0123456789abcde\n", MaxAnswer/16),
	} {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			if got, err := ask(30*time.Second, to, question); got != want || err != nil {
				t.Errorf("Ask(%.20q) = %.20q… of %d bytes, %v; want %.20q… of %d", question, got, len(got), err, want, len(want))
			}
		})
	}
	for _, silent := range []struct{ incarnation, question string }{{to, "silence"}, {to, "too much"}, {"gone#12345678", "hello"}} {
		if got, err := ask(100*time.Millisecond, silent.incarnation, silent.question); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Ask(%q, %q) = %q, %v; want no answer in time", silent.incarnation, silent.question, got, err)
		}
	}
	if _, err := ask(time.Second, to, strings.Repeat("x", MaxFrame+1)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("Ask with too long a question = %v; want ErrTooLarge", err)
	}
}

// incarnationIn is that of the node of a name, as another one sees it.
func incarnationIn(c Cluster, name string) string {
	for _, n := range c.Nodes() {
		if n.Name == name {
			return n.Incarnation
		}
	}
	return ""
}

// TestAskedByMany asks a node more at a time than it answers at a time: the others wait for their turn.
func TestAskedByMany(t *testing.T) {
	t.Parallel()
	o := optionsFor(t, startMember(t, member.Options{Cluster: testCluster(t)}))
	answering := o
	begun, goOn := make(chan struct{}, 100), make(chan struct{})
	release := sync.OnceFunc(func() { close(goOn) })
	defer release()
	answering.Answer = func(question []byte) []byte {
		if string(question) != "hello" {
			begun <- struct{}{}
			<-goOn
		}
		return []byte("yes")
	}
	a, b := startNode(t, "a", o), startNode(t, "b", answering)
	joined(t, 20*time.Second, a, b)
	to := incarnationIn(a, "b")
	ask := func(within time.Duration, question string) error {
		ctx, cancel := context.WithTimeout(t.Context(), within)
		defer cancel()
		_, err := a.Ask(ctx, to, []byte(question))
		return err
	}
	eventually(t, 30*time.Second, func() error { return ask(time.Second, "hello") })
	const many = 3 * answersAtOnce
	answered := make(chan error, many)
	for range many {
		go func() { answered <- ask(30*time.Second, "and you?") }()
	}
	for range answersAtOnce {
		select {
		case <-begun:
		case <-time.After(30 * time.Second):
			t.Fatal("the node does not answer")
		}
	}
	release()
	for range many {
		if err := <-answered; err != nil {
			t.Error(err)
		}
	}
}

// TestAnswerInParts puts an answer together of what comes in any order, twice, from others, and wrong.
func TestAnswerInParts(t *testing.T) {
	a := newAsks(nil)
	q := &awaited{from: "b#1", whole: make(chan []byte, 1)}
	a.waiting[7] = q
	part := func(from string, n int64, body string) {
		a.hear(parcel{kind: kindPart, from: seat{incarnation: from}, n: n, body: []byte(body)})
	}
	for _, wrong := range []string{"", "\x00", "\x00\x00x", "\x03\x03x", "\x00\xff\xff\x7fx"} {
		part("b#1", 7, wrong)
	}
	part("b#1", 7, "\x02\x03three")
	part("c#1", 7, "\x00\x03ONE")
	part("b#1", 8, "\x00\x03ONE")
	part("b#1", 7, "\x00\x03one ")
	part("b#1", 7, "\x00\x03ONE")
	part("b#1", 7, "\x00\x02ONE")
	part("b#1", 7, "\x01\x03two ")
	part("b#1", 7, "\x01\x03TWO")
	select {
	case got := <-q.whole:
		if string(got) != "one two three" {
			t.Errorf("answer = %q; want %q", got, "one two three")
		}
	default:
		t.Error("no answer though all parts have come")
	}
}
