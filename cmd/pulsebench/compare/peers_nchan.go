//go:build linux

package compare

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const (
	nchanModule  = "ngx_nchan_module.so"
	nchanPackage = "libnginx-mod-nchan"
	nchanKeeps   = 10 // payloads, by default
)

// nchanFolders are where distributions put the modules of their nginx.
var nchanFolders = []string{"/usr/lib/nginx/modules", "/usr/lib64/nginx/modules"}

// nchan is the module of that name in this machine's nginx, which has no version to be got from elsewhere.
type nchan struct{ source string }

func (nchan) Name() string            { return "nchan" }
func (nchan) Transports() []Transport { return []Transport{WebSocket, SSE} }

func (nchan) Version() string {
	said, err := exec.Command(nginxPath(), "-v").CombinedOutput() // #nosec G204 -- nginx
	if err != nil {
		return ""
	}
	_, nginx, _ := strings.Cut(strings.TrimSpace(string(said)), "nginx/")
	module, err := exec.Command("dpkg-query", "-W", "-f", "${Version}", nchanPackage).Output()
	if err != nil { // not a Debian
		return "nginx " + nginx
	}
	return fmt.Sprintf("%s, nginx %s", module, nginx)
}

func (n nchan) Start(ctx context.Context, cpus []int) (*Process, error) {
	dir, err := os.MkdirTemp("", "pulsebench-nchan")
	if err != nil {
		return nil, err
	}
	process, err := n.start(ctx, dir, cpus)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("nchan: %w", err), os.RemoveAll(dir))
	}
	stop := process.Stop
	process.Stop = func() {
		stop()
		_ = os.RemoveAll(dir)
	}
	return process, nil
}

func (n nchan) start(ctx context.Context, dir string, cpus []int) (*Process, error) {
	addr, err := freeAddress()
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "nginx.conf")
	if err := n.configure(file, dir, addr); err != nil {
		return nil, err
	}
	child, err := Spawn(ctx, Command{Path: nginxPath(), Args: []string{"-e", "stderr", "-p", dir, "-c", file}, CPUs: cpus})
	if errors.Is(err, exec.ErrNotFound) {
		return nil, fmt.Errorf("%w: no nginx; on Debian: apt-get install nginx %s", ErrMissing, nchanPackage)
	}
	if err != nil {
		return nil, err
	}
	if err := answers(ctx, child, addr); err != nil {
		child.Stop()
		return nil, err
	}
	base := "http://" + addr
	return &Process{
		PID: child.PID, Publish: base + "/publish", Keeps: nchanKeeps, Stop: child.Stop,
		Streams: streamsAt(base, map[Transport]Stream{WebSocket: {URL: "/ws"}, SSE: {URL: "/sse"}}),
	}, nil
}

// configure writes the peer's configuration with what is this machine's.
func (n nchan) configure(file, dir, addr string) error {
	text, err := os.ReadFile(filepath.Join(n.source, "nchan", "nginx.conf"))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrMissing, err)
	}
	modules := ""
	for _, folder := range nchanFolders {
		if _, err := os.Stat(filepath.Join(folder, nchanModule)); err == nil {
			modules = folder
		}
	}
	if modules == "" {
		return fmt.Errorf("%w: no %s; on Debian: apt-get install %s", ErrMissing, nchanModule, nchanPackage)
	}
	var descriptors unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &descriptors); err != nil {
		return err
	}
	fill := strings.NewReplacer("@dir@", dir, "@addr@", addr, "@modules@", modules,
		"@descriptors@", strconv.FormatUint(min(descriptors.Cur, mostDescriptors), 10))
	return os.WriteFile(file, []byte(fill.Replace(string(text))), 0o600)
}

// mostDescriptors is what a worker is given where the system permits any number: nginx keeps room for each of them.
const mostDescriptors = 100_000

// nginxPath is where nginx is. Debian puts it where only root's PATH leads.
func nginxPath() string {
	if path, err := exec.LookPath("nginx"); err == nil {
		return path
	}
	return "/usr/sbin/nginx"
}

// freeAddress returns an address of loopback that nobody listens on now.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// answers waits until the program takes connections.
func answers(ctx context.Context, child *Child, addr string) error {
	ctx, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-again.C:
		case <-child.Ended():
			return fmt.Errorf("it ended:\n%s", child.Said())
		case <-ctx.Done():
			return fmt.Errorf("nobody answers at %s: %w\n%s", addr, ctx.Err(), child.Said())
		}
	}
}
