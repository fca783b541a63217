//go:build unix

package servers

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
)

// ErrTool reports a program that must be installed first.
var ErrTool = errors.New("a program is missing")

// firstPort and those after it are what freePort chooses from: below those that systems give to outgoing connections, so
// that a server that is started again finds its port free.
const firstPort, morePorts = 10_000, 10_000

// find returns the path of a program. Debian puts servers where only root looks by itself, or in a folder of their version.
// Where there is none, the error is an ErrTool that names the package.
func find(debian, name string, folders ...string) (string, error) {
	for _, path := range []string{name, "/usr/sbin/" + name, "/usr/local/sbin/" + name, "/opt/homebrew/bin/" + name} {
		if found, err := exec.LookPath(path); err == nil {
			return found, nil
		}
	}
	for _, folder := range folders {
		versions, _ := filepath.Glob(filepath.Join(folder, name)) // the patterns are ours
		for _, path := range slices.Backward(versions) {
			if found, err := exec.LookPath(path); err == nil {
				return found, nil
			}
		}
	}
	return "", fmt.Errorf("%w: %s; on Debian: apt-get install --no-install-recommends %s", ErrTool, name, debian)
}

// freePort returns a port of loopback that nobody listens on now.
func freePort() (int, error) {
	for tries := 0; ; tries++ {
		port := firstPort + rand.IntN(morePorts) // #nosec G404 -- so that programs side by side seldom choose the same
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			return port, l.Close()
		}
		if tries > 100 {
			return 0, err
		}
	}
}

// nobody is who servers run as where the tests run as root, which several refuse; nil elsewhere.
func nobody() *syscall.Credential {
	if os.Getuid() != 0 {
		return nil
	}
	const overflow = 65534 // its number where no list says otherwise
	c := &syscall.Credential{Uid: overflow, Gid: overflow}
	if u, err := user.Lookup("nobody"); err == nil {
		uid, errUID := strconv.ParseUint(u.Uid, 10, 32)
		gid, errGID := strconv.ParseUint(u.Gid, 10, 32)
		if errUID == nil && errGID == nil {
			c.Uid, c.Gid = uint32(uid), uint32(gid)
		}
	}
	return c
}

// own gives a file to whoever servers run as.
func own(path string) error {
	if who := nobody(); who != nil {
		return os.Chown(path, int(who.Uid), int(who.Gid))
	}
	return nil
}

// write makes a file that the server may read.
func (s *Server) write(name, text string) error {
	if err := os.WriteFile(s.file(name), []byte(text), 0o600); err != nil {
		return err
	}
	return own(s.file(name))
}

// command runs a program to its end, as who the server runs as, in its folder.
func (s *Server) command(ctx context.Context, path string, args ...string) error {
	cmd := exec.CommandContext(ctx, path, args...) // #nosec G204 -- found where such programs are
	cmd.Dir, cmd.SysProcAttr = s.dir, attributes()
	cmd.Env = append(os.Environ(), "LC_ALL=C", "HOME="+s.dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", filepath.Base(path), err, out)
	}
	return nil
}
