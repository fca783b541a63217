package cluster

import (
	"strings"
	"sync/atomic"
	"time"

	hzlogger "github.com/hazelcast/hazelcast-go-client/logger"
)

const (
	// turning begins what the library says, at the level of traces, each time it looks for another connection to hear of members over.
	turning = "cluster.ViewListenerService.tryReRegister"
	// turnsFree is how often a client that does not run may do so at once: once a connection is usual.
	turnsFree = 100
	// turnEvery is how often from then on.
	turnEvery = time.Second
)

// brake is the logger of one client. It tells nothing, as the state of the node tells it, and holds up a client that runs away.
//
// Version 1.6.0 runs away when it is stopped, or gives up starting, while a member hangs that it has a connection to: that connection stays
// open, and the library asks over it, fails as it is stopped, and asks again, each call inside the one before, until in about half a minute
// its stack has a gigabyte and the program dies. Held up here, a turn takes 150 bytes and a second, and they end when the connection breaks.
type brake struct {
	runs  atomic.Bool // the client has started and is not stopped: it may take as many turns as it wants
	turns atomic.Int64
	fails *failures // of its link
}

// Log is called for every line that the library could write. The text is made on demand.
func (b *brake) Log(weight hzlogger.Weight, text func() string) {
	b.fails.note(weight, text)
	if weight != hzlogger.WeightTrace || b.runs.Load() || !strings.HasPrefix(text(), turning) {
		return
	}
	if b.turns.Add(1) > turnsFree {
		time.Sleep(turnEvery)
	}
}
