//go:build unix

package member

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// startWithin is how long a member may take: two that find each other take 7 s on a busy machine, one more than a minute where fifty
// programs share two processors.
const startWithin = 3 * time.Minute

// firstPort and those after it are what FreePorts chooses from.
const firstPort, morePorts = 20_000, 10_000

// Options tell how a member is started. The zero value starts one alone.
type Options struct {
	// Cluster is the name that clients must know. The default is pulsewall.
	Cluster string
	// Host is the address where it listens. The default is 127.0.0.1.
	Host string
	// Port is where it listens. The default is a free one.
	Port int
	// Before are words that run a command in another network, such as nsenter with its flags. The default is none.
	Before []string
	// Peers are host:port of the other members.
	Peers []string
	// Config is its YAML. Name, port and peers in it are replaced. The default is what Hazelcast does by itself.
	Config []byte
	// Log takes what the member prints. The default discards it.
	Log io.Writer
}

// Member is a process. Its methods may be called concurrently.
type Member struct {
	addr  string
	cmd   *exec.Cmd
	dir   string
	ended chan struct{} // closed when the process is gone
	size  atomic.Int64  // members of its cluster, as it said last
	once  sync.Once
}

// Start starts a member and waits until it serves clients. The caller must Close it.
func Start(ctx context.Context, o Options) (*Member, error) {
	java, err := tool("java", "openjdk-17-jre-headless")
	if err != nil {
		return nil, err
	}
	jar, err := Jar(ctx)
	if err != nil {
		return nil, err
	}
	if o.Port == 0 {
		ports, err := FreePorts(1)
		if err != nil {
			return nil, err
		}
		o.Port = ports[0]
	}
	if o.Host == "" {
		o.Host = "127.0.0.1"
	}
	dir, err := os.MkdirTemp("", "pulsewall-member")
	if err != nil {
		return nil, err
	}
	m := &Member{addr: net.JoinHostPort(o.Host, strconv.Itoa(o.Port)), dir: dir, ended: make(chan struct{})}
	if err := m.start(ctx, java, jar, o); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return m, nil
}

// StartPair starts two members that know each other, one after the other: at the same moment takes them twice as long.
func StartPair(ctx context.Context, o Options) ([]*Member, error) {
	ports, err := FreePorts(2)
	if err != nil {
		return nil, err
	}
	var pair []*Member
	for i, port := range ports {
		o.Port = port
		o.Peers = []string{net.JoinHostPort("127.0.0.1", strconv.Itoa(ports[1-i]))}
		m, err := Start(ctx, o)
		if err == nil && m.size.Load() != int64(i+1) {
			m.Close()
			err = fmt.Errorf("member %s is one of %d, want %d", m.addr, m.size.Load(), i+1)
		}
		if err != nil {
			for _, started := range pair {
				started.Close()
			}
			return nil, err
		}
		pair = append(pair, m)
	}
	return pair, nil
}

// FreePorts returns ports of loopback that nobody listens on now. They are below those that systems give to outgoing
// connections: a member that is started again finds its port free.
func FreePorts(n int) (ports []int, err error) {
	for tries := 0; len(ports) < n; tries++ {
		port := firstPort + rand.IntN(morePorts) // #nosec G404 -- so that programs side by side seldom choose the same
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			if tries > 100 {
				return nil, err
			}
			continue
		}
		defer func() { _ = l.Close() }() // all at the end, so that no port is given twice
		ports = append(ports, port)
	}
	return ports, nil
}

func (m *Member) start(ctx context.Context, java, jar string, o Options) error {
	config, err := configure(m.addr, o)
	if err != nil {
		return err
	}
	file := filepath.Join(m.dir, "hazelcast.yaml")
	if err := os.WriteFile(file, config, 0o600); err != nil {
		return err
	}
	// Small and quick to start: what matters here is how it behaves, not how fast it is when warm.
	words := append(slices.Clone(o.Before), java,
		"-Xms64m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
		"-Dhazelcast.config="+file,
		"-Dhazelcast.phone.home.enabled=false", "-Dhazelcast.socket.bind.any=false",
		"-cp", jar, "com.hazelcast.core.server.HazelcastMemberStarter")
	m.cmd = exec.Command(words[0], words[1:]...) // #nosec G204 -- found in PATH, and what the caller runs it by
	out, err := m.cmd.StderrPipe()
	if err != nil {
		return err
	}
	m.cmd.Stdout = m.cmd.Stderr // the pipe
	m.cmd.SysProcAttr = withParent()
	if err := m.cmd.Start(); err != nil {
		return err
	}
	ready, tail := make(chan struct{}), make(chan string, 1)
	go func() { // ends with the process, whose end Close waits for
		defer close(m.ended)
		tail <- m.follow(out, o.Log, ready)
		_ = m.cmd.Wait()
	}()
	late := time.NewTimer(startWithin)
	defer late.Stop()
	select {
	case <-ready:
		return nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-late.C:
		err = fmt.Errorf("not ready after %v", startWithin)
	case <-m.ended:
		err = errors.New("it ended")
	}
	m.Kill()
	return fmt.Errorf("start member %s: %w\n%s", m.addr, err, <-tail)
}

// follow reads what the member prints until its end, closes ready once it serves, and returns the last of it.
func (m *Member) follow(out io.Reader, log io.Writer, ready chan struct{}) string {
	var last []string
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		line := lines.Text()
		if log != nil {
			_, _ = fmt.Fprintln(log, line)
		}
		last = append(last[max(0, len(last)-20):], line)
		if _, members, found := strings.Cut(line, "Members {size:"); found {
			digits, _, _ := strings.Cut(members, ",")
			size, _ := strconv.ParseInt(digits, 10, 64)
			m.size.Store(size)
		}
		if strings.Contains(line, " is STARTED") && ready != nil {
			close(ready)
			ready = nil
		}
	}
	return strings.Join(last, "\n")
}

// Addr is the member's host:port.
func (m *Member) Addr() string { return m.addr }

// Port is the member's port.
func (m *Member) Port() int {
	_, port, _ := net.SplitHostPort(m.addr)
	n, _ := strconv.Atoi(port)
	return n
}

// Size is how many members its cluster has, as it said last.
func (m *Member) Size() int { return int(m.size.Load()) }

// PID is the id of the process.
func (m *Member) PID() int { return m.cmd.Process.Pid }

// Done is closed when the process has ended.
func (m *Member) Done() <-chan struct{} { return m.ended }

// Freeze stops the process where it stands, as a machine that hangs does.
func (m *Member) Freeze() { _ = m.cmd.Process.Signal(syscall.SIGSTOP) }

// Thaw lets it go on.
func (m *Member) Thaw() { _ = m.cmd.Process.Signal(syscall.SIGCONT) }

// Kill ends the process without a word and returns when it is gone.
func (m *Member) Kill() {
	_ = m.cmd.Process.Kill()
	<-m.ended
}

// Wait returns when the process has ended by itself.
func (m *Member) Wait() { <-m.ended }

// Close ends the process and removes what it was given. It may be called again.
func (m *Member) Close() {
	m.once.Do(func() {
		m.Kill()
		_ = os.RemoveAll(m.dir)
	})
}
