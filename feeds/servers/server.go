//go:build unix

package servers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/shirou/gopsutil/v4/process"
)

const (
	// startWithin is how long a server may take until it answers, on a machine that has much else to do.
	startWithin = 90 * time.Second
	// askWithin is how long one question whether it answers may take.
	askWithin = 5 * time.Second
	// endWithin is how long it may take to end when told to, before it is killed.
	endWithin = 10 * time.Second
	// restarts is how often a killed server is started again, should what it held be released late.
	restarts = 20
)

// program tells how one kind of server is run.
type program struct {
	kind string
	path string
	// prepare makes what it needs in its folder, once. Nil: nothing.
	prepare func(ctx context.Context, s *Server) error
	args    func(s *Server) []string
	// answers is nil as soon as it serves.
	answers func(ctx context.Context, s *Server) error
	url     func(s *Server) string
	quit    syscall.Signal // ends it quickly and leaves nothing behind
}

// Server is a process. Its methods may be called concurrently, but for those that start and end it.
type Server struct {
	program program
	port    int
	dir     string
	once    sync.Once

	cmd   *exec.Cmd
	ended chan struct{} // closed when the process is gone
}

// start starts a server and waits until it answers. The caller must Close it.
func start(ctx context.Context, p program) (*Server, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "pulsewall-"+p.kind)
	if err != nil {
		return nil, err
	}
	s := &Server{program: p, port: port, dir: dir}
	if err = own(dir); err == nil && p.prepare != nil {
		err = p.prepare(ctx, s)
	}
	if err == nil {
		err = s.run(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w\n%s", p.kind, err, s.lastWords()), os.RemoveAll(dir))
	}
	return s, nil
}

// Addr is the host:port where it serves.
func (s *Server) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// URL is where it serves, with the user, the password and the database where it has such.
func (s *Server) URL() string { return s.program.url(s) }

// Log is what it has written so far, in all its lives.
func (s *Server) Log() string {
	log, _ := os.ReadFile(s.file("log")) // none yet: empty
	return string(log)
}

// Kill ends the process and its children at once, as kill -9 does, and returns when nobody listens any more. Restart starts it
// again.
func (s *Server) Kill() {
	s.Freeze()
	for _, pid := range s.pids() {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	<-s.ended
	ctx, cancel := context.WithTimeout(context.Background(), endWithin)
	defer cancel()
	for s.listens(ctx) && pause(ctx, time.Millisecond) {
	}
}

// listens says whether anybody takes connections: children that were killed may be gone a little later than their parent.
func (s *Server) listens(ctx context.Context) bool {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.Addr())
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}

// Restart starts a server that was killed, on the same port and with the data that it had, and waits until it answers.
func (s *Server) Restart(ctx context.Context) error {
	var err error
	for range restarts {
		if err = s.run(ctx); err == nil || ctx.Err() != nil {
			return err
		}
		if !pause(ctx, 200*time.Millisecond) {
			return ctx.Err()
		}
	}
	return fmt.Errorf("restart %s: %w\n%s", s.program.kind, err, s.lastWords())
}

// Freeze stops the process and its children where they are: connections stay open, and nothing answers. Thaw ends that.
func (s *Server) Freeze() {
	_ = syscall.Kill(s.cmd.Process.Pid, syscall.SIGSTOP) // first, so that it gets no more children
	for _, pid := range s.pids() {
		_ = syscall.Kill(pid, syscall.SIGSTOP)
	}
}

// Thaw lets a frozen server go on.
func (s *Server) Thaw() {
	for _, pid := range s.pids() {
		_ = syscall.Kill(pid, syscall.SIGCONT)
	}
}

// Close ends the process and removes what it had. It may be called again.
func (s *Server) Close() {
	s.once.Do(func() {
		s.end()
		_ = os.RemoveAll(s.dir)
	})
}

func (s *Server) file(name string) string { return filepath.Join(s.dir, name) }

// run starts the process and waits until it answers.
func (s *Server) run(ctx context.Context) error {
	log, err := os.OpenFile(s.file("log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o666) // #nosec G302 -- in a folder of its own
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	if err := own(log.Name()); err != nil {
		return err
	}
	cmd, ended := exec.Command(s.program.path, s.program.args(s)...), make(chan struct{}) // #nosec G204 -- found where such programs are
	cmd.Dir, cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = s.dir, log, log, attributes()
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() { // ends with the process, whose end Kill and Close wait for
		defer close(ended)
		_ = cmd.Wait()
	}()
	s.cmd, s.ended = cmd, ended
	if err := s.wait(ctx); err != nil {
		s.end()
		return err
	}
	return nil
}

// wait returns when the server answers.
func (s *Server) wait(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	for {
		ask, stop := context.WithTimeout(ctx, askWithin)
		err := s.program.answers(ask, s)
		stop()
		if err == nil {
			return nil
		}
		select {
		case <-s.ended:
			return errors.New("it ended")
		default:
		}
		if !pause(ctx, 20*time.Millisecond) {
			return fmt.Errorf("no answer: %w", err)
		}
	}
}

// end tells the process to end and returns when it is gone.
func (s *Server) end() {
	s.Thaw()
	_ = s.cmd.Process.Signal(s.program.quit)
	late := time.AfterFunc(endWithin, s.Kill)
	defer late.Stop()
	<-s.ended
}

// pids are the process and its children; none when it is gone.
func (s *Server) pids() []int {
	select {
	case <-s.ended:
		return nil
	default:
	}
	pids := []int{s.cmd.Process.Pid}
	p, err := process.NewProcess(int32(s.cmd.Process.Pid))
	if err != nil {
		return pids
	}
	children, _ := p.Children() // none is an error too
	for _, child := range children {
		pids = append(pids, int(child.Pid))
	}
	return pids
}

// lastWords are the end of the log, for an error.
func (s *Server) lastWords() []byte {
	log := []byte(s.Log())
	return bytes.TrimSpace(log[max(0, len(log)-4<<10):])
}

// pause says whether ctx lasted that long.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
