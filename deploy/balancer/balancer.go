//go:build unix

// Package balancer starts nginx or HAProxy in front of nodes as a process on this machine, from the files in deploy, for tests and for
// trying things out.
package balancer

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/pulsewall/pulsewall/deploy"
)

// Kind is which balancer.
type Kind string

// The balancers that there are files for.
const (
	Nginx    Kind = "nginx"
	NginxTLS Kind = "nginx-wss"
	HAProxy  Kind = "haproxy"
)

const (
	startWithin = 20 * time.Second
	// endWithin is how long it may take to end when told to, before it is killed.
	endWithin = 10 * time.Second
	// inherited is the file descriptor under which a process gets the first of ExtraFiles.
	inherited = 3
)

// ErrTool reports a program that must be installed first.
var ErrTool = errors.New("a program is missing")

// Options tell how a balancer is started.
type Options struct {
	// Kind is required.
	Kind Kind
	// Nodes are host:port of what is balanced, one at least.
	Nodes []string
	// Listen is the host:port where it serves. The default is a free port of 127.0.0.1.
	Listen string
	// Config replaces the file in deploy. It needs lines like those there for servers, and for where to listen.
	Config []byte
	// Cert and Key are files in PEM, for NginxTLS.
	Cert, Key string
	// Log takes what the balancer prints. The default discards it.
	Log io.Writer
}

// Balancer is a process. Its methods may be called concurrently.
type Balancer struct {
	addr  string
	cmd   *exec.Cmd
	dir   string
	ended chan struct{} // closed when the process is gone
	once  sync.Once
}

// Start starts a balancer and waits until it answers. The caller must Close it.
func Start(ctx context.Context, o Options) (*Balancer, error) {
	program, err := Program(o.Kind)
	if err != nil {
		return nil, err
	}
	socket, addr, err := listen(ctx, cmp.Or(o.Listen, "127.0.0.1:0"))
	if err != nil {
		return nil, err
	}
	defer func() { _ = socket.Close() }() // which start has done, unless it came to nothing
	dir, err := os.MkdirTemp("", "pulsewall-balancer")
	if err != nil {
		return nil, err
	}
	b := &Balancer{addr: addr, dir: dir, ended: make(chan struct{})}
	if err := b.start(ctx, program, socket, o); err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", o.Kind, err), os.RemoveAll(dir))
	}
	return b, nil
}

// listen opens the socket that the process inherits, so that nobody can take the port in between. Multipath TCP, which Go would allow,
// is not what the balancers would open, and lacks options.
func listen(ctx context.Context, addr string) (*os.File, string, error) {
	var lc net.ListenConfig
	lc.SetMultipathTCP(false)
	l, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = l.Close() }() // the file is another one of the same socket
	socket, err := l.(*net.TCPListener).File()
	return socket, l.Addr().String(), err
}

// Program returns the path of a balancer's program, which Debian puts where only root looks by itself. Where there is none, the error
// is an ErrTool.
func Program(kind Kind) (string, error) {
	name := "nginx"
	if kind == HAProxy {
		name = "haproxy"
	}
	for _, path := range []string{name, "/usr/sbin/" + name, "/usr/local/sbin/" + name} {
		if found, err := exec.LookPath(path); err == nil {
			return found, nil
		}
	}
	return "", fmt.Errorf("%w: %s; on Debian: apt-get install --no-install-recommends %s", ErrTool, name, name)
}

// command is the process that is to run, with its files written.
func (b *Balancer) command(program string, o Options) (*exec.Cmd, error) {
	file, listen := o.Config, b.addr
	if file == nil {
		file = map[Kind][]byte{Nginx: deploy.Nginx, NginxTLS: deploy.NginxTLS, HAProxy: deploy.HAProxy}[o.Kind]
	}
	if o.Kind == HAProxy {
		listen = fmt.Sprint("fd@", inherited)
	}
	file, err := configure(file, o.Kind, listen, o.Nodes)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(b.dir, string(o.Kind))
	if err := os.WriteFile(path, file, 0o600); err != nil {
		return nil, err
	}
	for name, from := range map[string]string{"cert.pem": o.Cert, "key.pem": o.Key} {
		if from == "" {
			continue
		}
		if from, err = filepath.Abs(from); err != nil {
			return nil, err
		}
		if err := os.Symlink(from, filepath.Join(b.dir, name)); err != nil {
			return nil, err
		}
	}
	// Workers of nginx started by root are somebody else and must get to their folder in it.
	if err := os.Chmod(b.dir, 0o711); err != nil { // #nosec G302 -- a folder
		return nil, err
	}
	if o.Kind == HAProxy {
		return exec.Command(program, "-db", "-f", path), nil // #nosec G204 -- found in PATH
	}
	cmd := exec.Command(program, "-p", b.dir, "-e", "stderr", "-c", path) // #nosec G204 -- found in PATH
	cmd.Env = append(os.Environ(), fmt.Sprintf("NGINX=%d;", inherited))
	return cmd, nil
}

func (b *Balancer) start(ctx context.Context, program string, socket *os.File, o Options) (err error) {
	if b.cmd, err = b.command(program, o); err != nil {
		return err
	}
	said := new(beginning)
	b.cmd.ExtraFiles = []*os.File{socket}
	b.cmd.Stdout = said
	if o.Log != nil {
		b.cmd.Stdout = io.MultiWriter(o.Log, said)
	}
	b.cmd.Stderr = b.cmd.Stdout
	b.cmd.SysProcAttr = Apart()
	if err := b.cmd.Start(); err != nil {
		return err
	}
	// Start made it a socket that blocks, on which a worker of nginx would wait for ever when another one was faster.
	if err := errors.Join(syscall.SetNonblock(int(socket.Fd()), true), socket.Close()); err != nil {
		_ = b.cmd.Process.Kill()
		return errors.Join(err, b.cmd.Wait())
	}
	go func() { // ends with the process, whose end Close waits for
		defer close(b.ended)
		_ = b.cmd.Wait()
	}()
	if err := b.answers(ctx, o.Kind); err != nil {
		b.end()
		return fmt.Errorf("%w\n%s", err, bytes.TrimSpace(*said))
	}
	return nil
}

// beginning keeps what is written first.
type beginning []byte

func (b *beginning) Write(p []byte) (int, error) {
	const enough = 16 << 10
	*b = append(*b, p[:min(len(p), enough-len(*b))]...)
	return len(p), nil
}

// answers waits for any answer.
func (b *Balancer) answers(ctx context.Context, kind Kind) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startWithin, fmt.Errorf("no answer in %v", startWithin))
	defer cancel()
	scheme := "http://"
	if kind == NginxTLS {
		scheme = "https://"
	}
	client := &http.Client{Transport: &http.Transport{
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, // #nosec G402 -- only asks whether somebody is there
		DisableKeepAlives: true,
	}}
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		asked, stop := context.WithTimeout(ctx, time.Second)
		req, err := http.NewRequestWithContext(asked, http.MethodGet, scheme+b.addr+"/healthz", nil)
		if err == nil {
			var resp *http.Response
			if resp, err = client.Do(req); err == nil {
				_ = resp.Body.Close()
			}
		}
		stop()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-b.ended:
			return errors.New("it ended")
		case <-again.C:
		}
	}
}

// Addr is the host:port where it serves.
func (b *Balancer) Addr() string { return b.addr }

// Done is closed when the process has ended.
func (b *Balancer) Done() <-chan struct{} { return b.ended }

// end tells the process to end and returns when it is gone. nginx must be told, or its workers would stay.
func (b *Balancer) end() {
	_ = b.cmd.Process.Signal(syscall.SIGTERM)
	late := time.AfterFunc(endWithin, func() { _ = b.cmd.Process.Kill() })
	defer late.Stop()
	<-b.ended
}

// Close ends the process and removes what it was given. It may be called again.
func (b *Balancer) Close() {
	b.once.Do(func() {
		b.end()
		_ = os.RemoveAll(b.dir)
	})
}
