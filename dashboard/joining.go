package dashboard

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// joinFor is how long a node that starts tries to join the others before it serves alone.
const joinFor = 5 * time.Second

// joining is the time from a node's start until it has joined the others. Until then it knows neither messages nor who is online:
// who comes with a position of the others would be told that messages are missing, and who sends one would reach nobody elsewhere.
type joining struct {
	once sync.Once
	over chan struct{}
}

func newJoining() *joining { return &joining{over: make(chan struct{})} }

func (j *joining) end() { j.once.Do(func() { close(j.over) }) }

// under says whether it is still under way.
func (j *joining) under() bool {
	select {
	case <-j.over:
		return false
	default:
		return true
	}
}

// await ends the joining when the node has joined, after joinFor, or when stop is called. alone is called where it was not joined in time.
func (j *joining) await(joined bool, alone func()) (stop func()) {
	if joined {
		j.end()
	}
	late := time.AfterFunc(joinFor, func() {
		if j.under() {
			alone()
		}
		j.end()
	})
	return func() {
		late.Stop()
		j.end()
	}
}

// poll polls from when the node has joined: before, it would poll what another node has.
func (d *Dashboard) poll(ctx context.Context) error {
	select {
	case <-d.joining.over:
	case <-ctx.Done(): // then it only closes the sources
	}
	return d.scheduler.Run(ctx)
}

// joined holds requests until the node has joined.
func (d *Dashboard) joined(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-d.joining.over:
			next.ServeHTTP(w, r)
		case <-r.Context().Done(): // nobody waits for the answer
		}
	})
}

var errJoining = refuse(http.StatusServiceUnavailable, "the server is starting: it is not known yet where the other nodes are").after(time.Second)
