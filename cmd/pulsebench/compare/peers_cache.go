//go:build linux

package compare

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// mostTold bounds what is told of a tool's own words.
const mostTold = 300

// cached returns the folder in the user's cache that make has filled from the files in source. It is made anew when those,
// or what else it depends on, are others. No source, a missing tool and no network are ErrMissing.
func cached(kind, source, also string, make func(into string) error) (string, error) {
	sum, err := sumOf(source, also)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrMissing, err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	all := filepath.Join(cache, "pulsewall", "peers")
	dir := filepath.Join(all, kind+"-"+sum)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	if err := os.MkdirAll(all, 0o750); err != nil {
		return "", err
	}
	part, err := os.MkdirTemp(all, "part")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(part) }()
	if err := make(part); err != nil {
		return "", err
	}
	if err := os.Rename(part, dir); err != nil && !errors.Is(err, fs.ErrExist) { // ErrExist: another process was faster
		return "", err
	}
	return dir, nil
}

// sumOf tells files that differ apart, by name and by what is in them.
func sumOf(source, also string) (string, error) {
	sum := sha256.New()
	files := os.DirFS(source)
	err := fs.WalkDir(files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(files, path)
		if err == nil {
			fmt.Fprintf(sum, "%s %d\n%s", path, len(content), content)
		}
		return err
	})
	fmt.Fprint(sum, also)
	return hex.EncodeToString(sum.Sum(nil)[:8]), err
}

// tool finds a program, and tells how to get one that is missing.
func tool(name, debian string) (string, error) {
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("%w: no %s; on Debian: apt-get install %s", ErrMissing, name, debian)
	}
	return path, nil
}

// get runs a tool that brings or builds something.
func get(ctx context.Context, dir, path string, args ...string) error {
	cmd := exec.CommandContext(ctx, path, args...) // #nosec G204 -- found by tool
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err == nil || ctx.Err() != nil {
		return ctx.Err()
	}
	said := strings.Join(strings.Fields(string(out)), " ") // for one line of a table
	return fmt.Errorf("%w: %s: %w: %s", ErrMissing, filepath.Base(path), err, said[:min(len(said), mostTold)])
}
