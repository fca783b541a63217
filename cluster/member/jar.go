//go:build unix

// Package member starts Hazelcast members as processes on this machine, for tests and for trying things out. They listen
// on loopback only.
package member

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

const (
	version = "5.6.0"
	// jarSum is the SHA-256 of the jar as it was published.
	jarSum = "f16e392740b2d64136590bc52a782c8f8e75b5cb8d3ac221c7c09efae0d7871c"
)

// ErrTool reports a program that must be installed first.
var ErrTool = errors.New("a program is missing")

func tool(name, debian string) (string, error) {
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("%w: %s, for a Hazelcast member; on Debian: apt-get install %s", ErrTool, name, debian)
	}
	return path, nil
}

// Jar returns the path of the member's jar in the user's cache. Maven gets it the first time, from wherever the user's
// Maven is set to get things.
func Jar(ctx context.Context) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("cache for the Hazelcast jar: %w", err)
	}
	dir := filepath.Join(cache, "pulsewall")
	jar := filepath.Join(dir, "hazelcast-"+version+".jar")
	if _, err := os.Stat(jar); err == nil {
		return jar, nil
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return "", err
	}
	unlock, err := lock(jar + ".lock")
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Stat(jar); err == nil { // another process was faster
		return jar, nil
	}
	return jar, install(ctx, dir, jar)
}

// install gets the jar beside its place and moves it there when it is whole.
func install(ctx context.Context, dir, jar string) error {
	mvn, err := tool("mvn", "maven")
	if err != nil {
		return err
	}
	part, err := os.MkdirTemp(dir, "part")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(part) }()
	cmd := exec.CommandContext(ctx, mvn, "-B", "-q", "dependency:copy", // #nosec G204 -- found in PATH, fixed arguments
		"-Dartifact=com.hazelcast:hazelcast:"+version, "-DoutputDirectory="+part)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("get Hazelcast %s by Maven: %w\n%s", version, err, strings.TrimSpace(string(out)))
	}
	whole := filepath.Join(part, filepath.Base(jar))
	if err := check(whole); err != nil {
		return err
	}
	return os.Rename(whole, jar)
}

func check(path string) error {
	f, err := os.Open(path) // #nosec G304 -- made by install
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return err
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != jarSum {
		return fmt.Errorf("hazelcast %s: the jar that Maven brought has SHA-256 %s, want %s", version, got, jarSum)
	}
	return nil
}

// lock waits until no other process holds the file. The system lets go of it when a process dies.
func lock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600) // #nosec G304 -- in the user's cache
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), f.Close())
	}
	return func() { _ = f.Close() }, nil
}
