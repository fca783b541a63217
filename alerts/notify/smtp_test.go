package notify

import (
	"io"
	"net"
	"strings"
	"testing"
)

// TestTalkativeServer wants a server that never ends its greeting to be left.
func TestTalkativeServer(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		for {
			if _, err := io.WriteString(conn, strings.Repeat("220-hello\r\n", 1<<10)); err != nil {
				return
			}
		}
	}()
	m, err := NewEmail(EmailOptions{Server: "smtp://" + ln.Addr().String(), From: "wall@pulsewall.example", To: []string{"ops@pulsewall.example"}})
	if err != nil {
		t.Fatal(err)
	}
	temporary(t, m.Notify(t.Context(), raised()), errTalkative.Error())
	_ = ln.Close()
	<-ended // its connection was closed
}
