package transport

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
)

// A panic of whoever does an op is told as a problem, and the log says where it was.
func TestPanicOfOpIsLogged(t *testing.T) {
	var log bytes.Buffer
	s := &Session{id: "s", hub: &Hub{opts: Options{Logger: slog.New(slog.NewTextHandler(&log, nil))}}}
	reply := s.obey(t.Context(), func(context.Context, *Session, Op) Reply { panic("as asked") }, Op{Op: "join"})
	if p, ok := reply.Problem.(problem); !ok || p.Status != 500 || strings.Contains(p.Detail, "as asked") {
		t.Errorf("reply %+v", reply)
	}
	for _, want := range []string{"as asked", "op=join", "TestPanicOfOpIsLogged"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("%q is not in the log: %s", want, log.String())
		}
	}
}
