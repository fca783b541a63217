//go:build linux

package compare

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
)

// goProgram is one of the peers in Go, which are built together.
func goProgram(source, name string) func(context.Context) (Command, error) {
	return func(ctx context.Context) (Command, error) {
		path, err := tool("go", "golang")
		if err != nil {
			return Command{}, err
		}
		dir, err := cached("go", source, runtime.Version(), func(into string) error {
			return get(ctx, source, path, "build", "-trimpath", "-o", into+"/", "./...")
		})
		return Command{Path: filepath.Join(dir, name)}, err
	}
}

// netty is the peer on Java, with the transport that its one argument names.
func netty(source, transport string) func(context.Context) (Command, error) {
	source = filepath.Join(source, "netty")
	return func(ctx context.Context) (Command, error) {
		java, err := tool("java", "default-jdk-headless")
		if err != nil {
			return Command{}, err
		}
		if _, err := tool("javac", "default-jdk-headless"); err != nil {
			return Command{}, err
		}
		mvn, err := tool("mvn", "maven")
		if err != nil {
			return Command{}, err
		}
		dir, err := cached("netty", source, runtime.GOARCH, func(into string) error {
			return get(ctx, source, mvn, "-B", "-q", "-Dstyle.color=never", "-Darch="+archOfNetty[runtime.GOARCH], "-Dinto="+into, "process-classes")
		})
		path := filepath.Join(dir, "classes") + ":" + filepath.Join(dir, "jars", "*")
		return Command{Path: java, Args: []string{"-cp", path, "pulsebench.Main", transport}}, err
	}
}

// archOfNetty is what Netty calls the processors that it has epoll for.
var archOfNetty = map[string]string{"amd64": "x86_64", "arm64": "aarch_64"}

// node is one of the peers on Node, which share what npm brings.
func node(source, script string) func(context.Context) (Command, error) {
	source = filepath.Join(source, "node")
	return func(ctx context.Context) (Command, error) {
		path, err := tool("node", "nodejs")
		if err != nil {
			return Command{}, err
		}
		npm, err := tool("npm", "npm")
		if err != nil {
			return Command{}, err
		}
		dir, err := cached("node", source, "", func(into string) error {
			if err := os.CopyFS(into, os.DirFS(source)); err != nil {
				return err
			}
			return get(ctx, into, npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
		})
		return Command{Path: path, Args: []string{"--expose-gc", script}, Dir: dir, Env: []string{"NODE_ENV=production"}}, err
	}
}
