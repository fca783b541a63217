package acceptance

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"
)

// process is the program as users run it.
type process struct {
	site
	t   *testing.T
	cmd *exec.Cmd
	out *tail
}

// tail keeps what a program prints.
type tail struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *tail) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *tail) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// start runs the program at an address and waits until it is ready. It is killed when the test ends. Words before the program's
// path, if any, run it somewhere else.
func start(t *testing.T, address string, before []string, flags ...string) *process {
	t.Helper()
	words := append(append(before, build(t), "--listen", address), flags...)
	p := &process{site: site{URL: "http://" + address}, t: t, cmd: exec.Command(words[0], words[1:]...), out: &tail{}}
	p.cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+t.TempDir()) // a history of its own
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("the program at %s printed:\n%s", address, p.out)
		}
	})
	return p
}

// ready waits until the program serves.
func (p *process) ready() *process {
	p.t.Helper()
	eventually(p.t, 20*time.Second, func() error {
		resp, err := http.Get(p.URL + "/readyz")
		if err != nil {
			return fmt.Errorf("%w; it printed %s", err, p.out)
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("readyz: %s", resp.Status)
		}
		return nil
	})
	return p
}

// kill ends the program without a word to anybody.
func (p *process) kill() {
	if p.cmd.ProcessState == nil {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
	}
}

// stop sends the program a signal and returns how long it took to end, and how it did.
func (p *process) stop(signal os.Signal) (time.Duration, error) {
	p.t.Helper()
	began := time.Now()
	if err := p.cmd.Process.Signal(signal); err != nil {
		p.t.Fatal(err)
	}
	late := time.AfterFunc(unhurried(20*time.Second), func() { _ = p.cmd.Process.Kill() })
	defer late.Stop()
	err := p.cmd.Wait()
	return time.Since(began), err
}
