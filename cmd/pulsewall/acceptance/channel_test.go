package acceptance

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"regexp"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/transport/wsconn"
)

// nodesSecret is that of nodes that open links to each other.
const nodesSecret = "the nodes of the tests"

// TestChannel has the two ends of channels on different nodes, of which two have links to each other and one has none.
func TestChannel(t *testing.T) {
	t.Parallel()
	with, without := nodeSettings{Secret: nodesSecret}, nodeSettings{}
	f := newFleet(t, 1, nil, 3, with, with, without)
	one, two, three := f.nodes[0], f.nodes[1], f.nodes[2]
	t.Run("by link", func(t *testing.T) { framesCross(t, one, two, "link") })
	t.Run("by topic", func(t *testing.T) { framesCross(t, one, three, "topic") })
	t.Run("too large", func(t *testing.T) {
		e := one.channel(t, "app", newChannel(t, two))
		e.send(t, make([]byte, 10<<10+1))
		e.wantCode(t, wsconn.TooBig)
	})
	t.Run("taken", func(t *testing.T) {
		name, e := taken(t, one, f.nodes)
		e.CloseNow()
		eventually(t, time.Minute, func() error { // as soon as it is known
			_, _, err := two.dialChannel(t, nil, "web", name)
			return err
		})
	})
	t.Run("stranger", func(t *testing.T) {
		for p, status := range map[*process]int{one: http.StatusForbidden, three: http.StatusNotFound} {
			_, response, err := wsconn.Dial(t.Context(), p.URL+"/nodes/link", wsconn.DialOptions{})
			if err == nil || response == nil || response.StatusCode != status {
				t.Errorf("a link of a stranger to %s: %v, want %d", p.URL, err, status)
			}
		}
	})
	t.Run("gone", func(t *testing.T) { framesForNobody(t, one, two) })
	t.Run("frozen", func(t *testing.T) {
		name := newChannel(t, one)
		old := two.channel(t, "app", name)
		if err := two.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		one.channel(t, "app", name)
		judge(t, "the end on a node that stands still has another holder", time.Since(began), 3*time.Second)
		if err := two.cmd.Process.Signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
		old.wantCode(t, wsconn.Replaced)
	})
	t.Run("restart", func(t *testing.T) { restartTells(t, one, f) })
	t.Run("killed", func(t *testing.T) { // the last one: node-2 is gone then
		name := newChannel(t, one)
		two.channel(t, "app", name)
		web := one.channel(t, "web", name)
		before := one.dropped(t, "absent")
		began := time.Now()
		two.kill()
		eventually(t, time.Minute, func() error {
			web.send(t, []byte("?"))
			if long() && one.dropped(t, "absent") == before {
				return errors.New("the end is still registered")
			}
			return nil
		})
		gone := time.Since(began)
		app := three.channel(t, "app", name)
		arrives(t, web, app, "!")
		if long() {
			judge(t, "the end on a node that was killed is gone", gone, 12*time.Second)
		}
	})
}

// taken returns an end, and its channel, that no node gives to another.
func taken(t *testing.T, at *process, nodes []*process) (name string, e *channelEnd) {
	t.Helper()
	for tries := 0; ; tries++ {
		name = newChannel(t, at)
		e = at.channel(t, "web", name)
		late := refusedBy(t, nodes, name)
		if late == nil {
			return name, e
		}
		if errors.Is(late, errTakenOver) {
			e.wantCode(t, wsconn.Replaced)
		}
		e.CloseNow()
		if tries == 3 || long() {
			t.Fatal(late)
		}
	}
}

// errTakenOver is that a newcomer has an end whose holder, which is of this test, answered too late.
var errTakenOver = errors.New("it is given away")

// holderAnswers is how long a node waits for the holder of an end to show that it is there.
const holderAnswers = 2 * time.Second

// refusedBy has each node refuse an end that is taken. It returns an error if a node was too late to say so, which a busy one may be.
func refusedBy(t *testing.T, nodes []*process, name string) error {
	t.Helper()
	for _, p := range nodes {
		began := time.Now()
		e, response, err := p.dialChannel(t, nil, "web", name)
		switch {
		case err == nil && time.Since(began) < holderAnswers:
			t.Fatalf("%s gives the same end again, want 409", p.URL)
		case err == nil:
			e.CloseNow()
			return fmt.Errorf("the same end again at %s after %v: %w, want 409", p.URL, time.Since(began), errTakenOver)
		case response != nil && response.StatusCode == http.StatusConflict:
		case errors.Is(err, context.DeadlineExceeded),
			response != nil && (response.StatusCode == http.StatusServiceUnavailable || response.StatusCode == http.StatusGatewayTimeout):
			return fmt.Errorf("the same end again at %s: %w, want 409", p.URL, err)
		default:
			t.Fatalf("the same end again at %s: %v, want 409", p.URL, err)
		}
	}
	return nil
}

// long says whether tests run at full size.
func long() bool { return os.Getenv("PULSEWALL_LONG") != "" }

// judge tells how long something took, and holds it against a limit at full size.
func judge(t *testing.T, what string, took, limit time.Duration) {
	t.Helper()
	t.Logf("%s after %v", what, took.Round(time.Millisecond))
	if long() && took > limit {
		t.Errorf("%s after %v; want %v at most", what, took, limit)
	}
}

// lead is how many frames one end sends before the other has them: well below those that may wait for it.
const lead = 16

// framesCross sends frames each way: at full size 10,000 as fast as they go, else never more than fit between the ends however long the
// machine stands still.
func framesCross(t *testing.T, a, b *process, way string) {
	frames := 3000
	if long() {
		frames = 10_000
	}
	name := newChannel(t, a)
	app, web := a.channel(t, "app", name), b.channel(t, "web", name)
	before := a.frames(t, way)
	eventually(t, time.Minute, func() error { // until the way is open
		if arrives(t, app, web, "open"); a.frames(t, way) == before {
			return fmt.Errorf("no frames go by %s", way)
		}
		return nil
	})
	arrives(t, web, app, "open")
	before = a.frames(t, way)
	began := time.Now()
	var crossing sync.WaitGroup
	for i, pair := range [][2]*channelEnd{{app, web}, {web, app}} {
		sent := make(chan [sha256.Size]byte, 1)
		room := make(chan struct{}, lead)
		if long() {
			room = make(chan struct{}, frames)
		}
		crossing.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(i)))
			sum := sha256.New()
			for n := range frames {
				p := make([]byte, frameSize(n))
				for at := range p {
					p[at] = byte(random.Uint32())
				}
				_, _ = fmt.Fprint(sum, len(p), " ")
				sum.Write(p)
				select {
				case room <- struct{}{}:
				case <-pair[1].stuck:
				}
				if err := pair[0].Send(p); err != nil {
					t.Errorf("frame %d: %v", n, err)
					break
				}
			}
			sent <- [sha256.Size]byte(sum.Sum(nil))
		})
		crossing.Go(func() {
			got, n := pair[1].digest(frames, room)
			if want := <-sent; n != frames || got != want {
				t.Errorf("%d of %d frames came, as they were sent: %v", n, frames, got == want)
			}
		})
	}
	crossing.Wait()
	took := time.Since(began)
	t.Logf("%d frames each way in %v, %d of one way by %s", frames, took.Round(time.Millisecond), a.frames(t, way)-before, way)
	if t.Failed() {
		for _, p := range []*process{a, b} {
			_, page := get(t, p.URL+"/metrics")
			t.Logf("%s: %q", p.URL, regexp.MustCompile(`(?m)^pulsewall_(channel|node_links).*$`).FindAllString(page, -1))
		}
	}
	if a.frames(t, way) < before+frames/2 {
		t.Errorf("%d frames went by %s, want most of %d", a.frames(t, way)-before, way, frames)
	}
}

// frameSize is small for most, and for some the largest that is allowed.
func frameSize(n int) int {
	if n%500 == 0 {
		return 10 << 10
	}
	return n % 300
}

// framesForNobody goes on sending when the other end has gone: that is no error, and counted.
func framesForNobody(t *testing.T, a, b *process) {
	name := newChannel(t, a)
	app, web := a.channel(t, "app", name), b.channel(t, "web", name)
	app.send(t, []byte("to somebody"))
	<-web.came
	web.CloseNow()
	before := a.dropped(t, "absent") + b.dropped(t, "absent")
	eventually(t, time.Minute, func() error {
		app.send(t, []byte("to nobody"))
		if n := a.dropped(t, "absent") + b.dropped(t, "absent") - before; n < 20 {
			return fmt.Errorf("%d frames were dropped and counted", n)
		}
		return nil
	})
	arrives(t, app, b.channel(t, "web", name), "to somebody else")
}

// arrives sends a text to the other end, which has perhaps just been taken, until it comes. Where that is not known yet, frames are dropped,
// and one from before may have waited for it. Nothing is under way when it returns.
func arrives(t *testing.T, from, to *channelEnd, text string) {
	t.Helper()
	tries := 0
	eventually(t, time.Minute, func() error {
		tries++
		last := fmt.Sprint(text, " ", tries)
		from.send(t, []byte(last))
		late := time.After(2 * time.Second)
		for {
			select {
			case p := <-to.came:
				if string(p) == last {
					return nil
				}
			case <-late:
				return fmt.Errorf("%q does not come", last)
			}
		}
	})
}

// restartTells stops a node as a restart does: it closes 1012, and its ends are free at once.
func restartTells(t *testing.T, other *process, f *fleet) {
	p := f.start("node-4", freeAddress(t), nodeSettings{})
	together(t, f.sites())
	name := newChannel(t, other)
	e := p.channel(t, "app", name)
	if took, err := p.stop(syscall.SIGTERM); err != nil {
		t.Errorf("the node ended after %v: %v", took, err)
	}
	e.wantCode(t, wsconn.ServiceRestart)
	other.channel(t, "app", name)
	f.nodes = f.nodes[:len(f.nodes)-1]
}
