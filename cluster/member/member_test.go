//go:build unix

package member

import (
	"errors"
	"os"
	"strings"
	"testing"
)

func TestMissingTools(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	if _, err := Jar(t.Context()); !errors.Is(err, ErrTool) || !strings.Contains(err.Error(), "apt-get install maven") {
		t.Errorf("Jar without Maven = %v", err)
	}
	if _, err := Start(t.Context(), Options{}); !errors.Is(err, ErrTool) || !strings.Contains(err.Error(), "openjdk") {
		t.Errorf("Start without Java = %v", err)
	}
}

// TestConfigure puts a member's places into the configuration that operators start from.
func TestConfigure(t *testing.T) {
	tuned, err := os.ReadFile("../../deploy/hazelcast.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, config := range [][]byte{nil, tuned} {
		got, err := configure("127.0.0.1:7777", Options{Cluster: "c", Peers: []string{"127.0.0.1:8888"}, Config: config})
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"cluster-name: c\n", "port: 7777", "127.0.0.1:7777", "127.0.0.1:8888"} {
			if !strings.Contains(string(got), want) {
				t.Errorf("configure has no %q:\n%s", want, got)
			}
		}
		if strings.Contains(string(got), "570") {
			t.Errorf("configure left an address of the file:\n%s", got)
		}
	}
	if _, err := configure("127.0.0.1:7777", Options{Config: []byte("a: [")}); err == nil {
		t.Error("configure took what is not YAML")
	}
}
