package wsconn

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestParkedMessages: whatever way a message comes in pieces, it is taken whole, and pings between its fragments are answered before it is.
func TestParkedMessages(t *testing.T) {
	h := newHouse(t, Options{})
	text := func(s string) []byte { return maskedFrame(fin|opText, []byte(s)) }
	t.Run("with the handshake", func(t *testing.T) {
		server, client := h.dial(t, "", string(text("early"))+string(text("half"))[:5])
		e := listenTo(server)
		e.want(t, "early")
		send(t, client, text("half")[5:5])
	})
	t.Run("byte by byte", func(t *testing.T) {
		server, client := h.dial(t, "", "")
		e := listenTo(server)
		for _, b := range text("slowly") {
			send(t, client, []byte{b})
			runtime.Gosched()
		}
		e.want(t, "slowly")
	})
	t.Run("a ping between fragments", func(t *testing.T) {
		server, client := h.dial(t, "", "")
		e := listenTo(server)
		send(t, client, maskedFrame(opText, []byte("a")), maskedFrame(fin|opPing, []byte("now")))
		pong := make([]byte, 5)
		if _, err := io.ReadFull(client, pong); err != nil || string(pong) != "\x8a\x03now" {
			t.Fatalf("%q, %v; want a pong before the message is whole", pong, err)
		}
		send(t, client, maskedFrame(opMore, nil), maskedFrame(opMore, []byte("b")), maskedFrame(fin|opMore, []byte("c")), text("next"))
		e.want(t, "abc", "next")
	})
	t.Run("as large as may be", func(t *testing.T) {
		server, client := h.dial(t, "", "")
		e := listenTo(server)
		large := strings.Repeat("x", 64<<10)
		send(t, client, text(large), text("after"))
		e.want(t, large, "after")
	})
	t.Run("many at once", func(t *testing.T) {
		server, client := h.dial(t, "", "")
		e := listenTo(server)
		var all []byte
		var want []string
		for i := range 500 {
			want = append(want, fmt.Sprint(i))
			all = append(all, text(want[i])...)
		}
		go func() { _, _ = client.Write(all) }()
		e.want(t, want...)
	})
}

// TestParkedCosts: a connection that is quiet, half of whose message has come or whose client only answers pings has no goroutine.
func TestParkedCosts(t *testing.T) {
	h := newHouse(t, Options{})
	before := runtime.NumGoroutine()
	var clients []net.Conn
	var all []ears
	for i := range 30 {
		server, client := h.dial(t, "", "")
		all = append(all, listenTo(server))
		clients = append(clients, client)
		for range i % 3 {
			send(t, client, maskedFrame(fin|opText, []byte("taken")))
			all[i].want(t, "taken")
		}
		send(t, client, maskedFrame(fin|opText, []byte("late"))[:i%10])
		if i%10 == 0 {
			for range 3 {
				send(t, client, maskedFrame(fin|opPong, nil))
			}
		}
	}
	within(t, func() error {
		if n := runtime.NumGoroutine() - before; n > 0 {
			return fmt.Errorf("%d goroutines more; want none", n)
		}
		return nil
	})
	for i, client := range clients {
		send(t, client, maskedFrame(fin|opText, []byte("late")))
		_ = client.Close()
		for len(all[i].messages) > 0 {
			<-all[i].messages
		}
		select {
		case <-all[i].ended:
		case <-time.After(patience):
			t.Fatal("the end of a client is not noticed")
		}
	}
}

// within asks until f has no complaint.
func within(t testing.TB, f func() error) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; runtime.Gosched() {
		err := f()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// TestParkedCloses: a close by either end is answered, also in the middle of a message and while one is being taken.
func TestParkedCloses(t *testing.T) {
	h := newHouse(t, Options{})
	bye := maskedFrame(fin|opClose, []byte{3, 0xe8})
	t.Run("by the client", func(t *testing.T) {
		server, client := h.dial(t, "", "")
		e := listenTo(server)
		send(t, client, maskedFrame(opText, []byte("a")), bye)
		wantRest(t, client, "\x88\x02\x03\xe8")
		if err := <-e.ended; CloseCode(err) != 1000 {
			t.Errorf("ended with %v; want 1000", err)
		}
	})
	t.Run("by the server", func(t *testing.T) {
		server, client := h.dial(t, "", "")
		listenTo(server)
		half := maskedFrame(fin|opText, []byte("half"))
		send(t, client, half[:7])
		done := make(chan struct{})
		go func() { server.Close(ServiceRestart, "restart"); close(done) }()
		send(t, client, half[7:], bye)
		wantRest(t, client, "\x88\x09\x03\xf4restart")
		<-done
	})
	t.Run("while a message is taken", func(t *testing.T) {
		server, client := h.dial(t, "", "")
		taking, leave := make(chan struct{}), make(chan struct{})
		server.Receive(func([]byte) error { close(taking); <-leave; return nil }, func(err error) { t.Errorf("ended with %v", err) })
		send(t, client, maskedFrame(fin|opText, nil), maskedFrame(fin|opText, nil), bye)
		<-taking
		done := make(chan struct{})
		go func() { server.Close(TooSlow, ""); close(done) }()
		head := make([]byte, 4)
		if _, err := io.ReadFull(client, head); err != nil {
			t.Error(err)
		}
		close(leave)
		wantRest(t, client, "")
		<-done
	})
	t.Run("when take fails", func(t *testing.T) {
		server, client := h.dial(t, "", "")
		wrong, ended := errors.New("wrong"), make(chan error)
		server.Receive(func([]byte) error { return wrong }, func(err error) { ended <- err })
		send(t, client, maskedFrame(fin|opText, nil))
		if err := <-ended; !errors.Is(err, wrong) {
			t.Errorf("ended with %v; want what take said", err)
		}
		go func() { _, _ = client.Write(bye) }()
		server.Close(WrongFrames, "")
		wantRest(t, client, "\x88\x02\x11\x30")
	})
}

// TestHugeFrameAtTheEnd: a client that answers a close with a frame that claims to be endless is waited for no longer than any other.
func TestHugeFrameAtTheEnd(t *testing.T) {
	h := newHouse(t, Options{})
	server, client := h.dial(t, "", "")
	e := listenTo(server)
	send(t, client, maskedFrame(fin|0x3, nil), hugeFrame(fin|opBinary))
	head := make([]byte, 4)
	if _, err := io.ReadFull(client, head); err != nil || string(head[2:]) != "\x03\xea" {
		t.Fatalf("%q, %v; want a close frame that says 1002", head, err)
	}
	_ = client.Close()
	select {
	case <-e.ended:
	case <-time.After(patience):
		t.Fatal("it is still waited for")
	}
}

// TestReceiveAfterClose: a connection that is being closed before Receive is called is read by who closes it alone.
func TestReceiveAfterClose(t *testing.T) {
	h := newHouse(t, Options{})
	early := string(maskedFrame(fin|opText, []byte("early")))
	server, client := h.dial(t, "", early+early[:5])
	done := make(chan struct{})
	go func() { server.Close(ServiceRestart, ""); close(done) }()
	goodbye := make([]byte, 4)
	if _, err := io.ReadFull(client, goodbye); err != nil || string(goodbye) != "\x88\x02\x03\xf4" {
		t.Fatalf("%q, %v; want a close frame", goodbye, err)
	}
	server.Receive(func(p []byte) error { t.Errorf("took %q", p); return nil }, func(err error) { t.Errorf("ended with %v", err) })
	if server.parked.take != nil {
		t.Error("it reads what is another's")
	}
	_ = client.Close()
	<-done
}

// wantRest reads up to the end of the connection.
func wantRest(t *testing.T, client net.Conn, want string) {
	t.Helper()
	_ = client.SetReadDeadline(time.Now().Add(patience))
	got, err := io.ReadAll(client)
	if string(got) != want || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %q, %v; want %q and the end", got, err, want)
	}
}

// TestParkedComeAndGo: 1,000 connections that come, talk and go at random leave nothing behind, and none hears what is for another.
func TestParkedComeAndGo(t *testing.T) {
	h := newHouse(t, Options{})
	before, files := runtime.NumGoroutine(), descriptors(t)
	var wg sync.WaitGroup
	const workers, each = 20, 50
	accepted := make(chan struct{})
	go func() { // echoes
		defer close(accepted)
		for range workers * each {
			c := <-h.opened
			c.Receive(func(p []byte) error {
				_, err := c.Try(TextFrame(p))
				return err
			}, func(error) { c.CloseNow() })
		}
	}()
	for worker := range workers {
		wg.Go(func() {
			for i := range each {
				if err := visit(h.address, worker*each+i); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	<-accepted
	within(t, func() error {
		if n, f := runtime.NumGoroutine(), descriptors(t); n > before+1 || f > files {
			return fmt.Errorf("%d goroutines, %d descriptors; want %d and %d again", n, f, before, files)
		}
		return nil
	})
}

// visit is one client, which says who it is some times and leaves in one of several ways.
func visit(address string, i int) error {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := fmt.Fprintf(conn, handshakeText, ""); err != nil {
		return err
	}
	if err := readHead(conn); err != nil {
		return err
	}
	for round := range i % 4 {
		text := fmt.Sprintf("%d-%d", i, round)
		f := maskedFrame(fin|opText, []byte(text))
		cut := (i + round) % len(f)
		for _, p := range [][]byte{f[:cut], f[cut:]} {
			if _, err := conn.Write(p); err != nil {
				return err
			}
		}
		got := make([]byte, 2+len(text))
		if _, err := io.ReadFull(conn, got); err != nil {
			return err
		}
		if string(got[2:]) != text {
			return fmt.Errorf("%q; want %q", got, text)
		}
	}
	switch i % 3 {
	case 0: // says so
		_, err = conn.Write(maskedFrame(fin|opClose, []byte{3, 0xe8}))
	case 1: // in the middle of a message
		_, err = conn.Write(maskedFrame(opText, []byte("unfinished")))
	}
	return err
}

func descriptors(t testing.TB) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}
