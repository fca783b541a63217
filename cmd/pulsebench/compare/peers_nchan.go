//go:build linux

package compare

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

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

// Prepare looks whether the module is here: it comes with the machine's nginx, or not at all.
func (n nchan) Prepare(context.Context) error {
	_, _, err := nchanParts()
	return err
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
	nginx, modules, err := nchanParts()
	if err != nil {
		return nil, err
	}
	listener, addr, err := listenWithoutDelay()
	if err != nil {
		return nil, err
	}
	defer func() { _ = listener.Close() }() // nginx has its own
	file := filepath.Join(dir, "nginx.conf")
	if err := n.configure(file, dir, addr, modules); err != nil {
		return nil, err
	}
	child, err := Spawn(ctx, Command{
		Path: nginx, Args: []string{"-e", "stderr", "-p", dir, "-c", file}, CPUs: cpus,
		Env: []string{"NGINX=3;"}, Files: []*os.File{listener}, // how nginx itself hands its sockets to a newer nginx
	})
	if err != nil {
		return nil, err
	}
	base := "http://" + addr
	if err := answers(ctx, child, base+"/publish"); err != nil {
		child.Stop()
		return nil, err
	}
	// No first clients here: for a second after the last subscriber of a worker has gone, new ones may miss what is published.
	return &Process{
		PID: child.PID, Publish: base + "/publish", Keeps: nchanKeeps, Stop: child.Stop,
		Streams: streamsAt(base, map[Transport]Stream{WebSocket: {URL: "/ws"}, SSE: {URL: "/sse"}}),
	}, nil
}

// configure writes the peer's configuration with what is this machine's.
func (n nchan) configure(file, dir, addr, modules string) error {
	text, err := os.ReadFile(filepath.Join(n.source, "nchan", "nginx.conf"))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrMissing, err)
	}
	var descriptors unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &descriptors); err != nil {
		return err
	}
	fill := strings.NewReplacer("@dir@", dir, "@addr@", addr, "@modules@", modules,
		"@descriptors@", strconv.FormatUint(min(descriptors.Cur, mostDescriptors), 10))
	return os.WriteFile(file, []byte(fill.Replace(string(text))), 0o600) // #nosec G703 -- in a folder made for it
}

// mostDescriptors is what a worker is given where the system permits any number: nginx keeps room for each of them.
const mostDescriptors = 100_000

// nchanParts returns nginx and the folder of its module.
func nchanParts() (nginx, modules string, err error) {
	nginx = nginxPath()
	for _, folder := range nchanFolders {
		if there(nginx) && there(filepath.Join(folder, nchanModule)) {
			return nginx, folder, nil
		}
	}
	return "", "", fmt.Errorf("%w: no nginx with %s; on Debian: apt-get install nginx %s", ErrMissing, nchanModule, nchanPackage)
}

func there(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// nginxPath is where nginx is. Debian puts it where only root's PATH leads.
func nginxPath() string {
	if path, err := exec.LookPath("nginx"); err == nil {
		return path
	}
	return "/usr/sbin/nginx"
}

// listenWithoutDelay listens on a free port of loopback. Whoever comes there has TCP_NODELAY. nginx sets that only after the
// first request of a connection: a stream, which never comes to its end, would wait 40 ms for each acknowledgement.
func listenWithoutDelay() (*os.File, string, error) {
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = l.Close() }()
	raw, err := l.SyscallConn()
	if err != nil {
		return nil, "", err
	}
	var file *os.File
	lost := raw.Control(func(fd uintptr) {
		if err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
			return
		}
		// Not l.File: that would turn to blocking when it is handed over, and so would a worker in accept.
		var own int
		if own, err = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0); err == nil {
			file = os.NewFile(uintptr(own), "listener")
		}
	})
	return file, l.Addr().String(), errors.Join(lost, err)
}

// answers waits until the program answers a request, whatever it says. The socket listens before the program is there.
func answers(ctx context.Context, child *Child, url string) error {
	ctx, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	request.Close = true
	ended := make(chan struct{})
	go func() { // until the request is over
		defer close(ended)
		select {
		case <-child.Ended():
			cancel()
		case <-ctx.Done():
		}
	}()
	answer, err := http.DefaultTransport.RoundTrip(request)
	cancel()
	<-ended
	if err != nil {
		return fmt.Errorf("%w\n%s", err, child.Said())
	}
	return answer.Body.Close()
}
