package wsconn

import (
	"fmt"
	"runtime/debug"
)

// Panicked ends a connection on whose bytes the reading failed.
type Panicked struct {
	Value any
	Stack []byte
}

func (p *Panicked) Error() string { return fmt.Sprintf("wsconn: panicked: %v", p.Value) }

// guard calls f, which reads. What a client sends may end its own connection, and nothing else.
func (p *parked) guard(f func()) {
	defer func() {
		if r := recover(); r != nil {
			err := &Panicked{r, debug.Stack()}
			p.c.poller.Go(func() { p.fail(&refusal{InternalError, "", err}) })
		}
	}()
	f()
}
