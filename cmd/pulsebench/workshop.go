//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// module is what is built when no binary is given; from anywhere inside it.
const module = "github.com/pulsewall/pulsewall/cmd/pulsewall"

// workshop is a folder of one run, with the program that it measures.
type workshop struct {
	dir    string
	binary string
}

// openWorkshop takes the given program, or makes one from the source. The caller must close the workshop.
func openWorkshop(ctx context.Context, binary string) (workshop, error) {
	dir, err := os.MkdirTemp("", "pulsebench")
	if err != nil {
		return workshop{}, err
	}
	w := workshop{dir, binary}
	if binary != "" {
		return w, nil
	}
	w.binary = filepath.Join(dir, "pulsewall")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", w.binary, module) // #nosec G204 -- into our own folder
	if out, err := cmd.CombinedOutput(); err != nil {
		return workshop{}, errors.Join(fmt.Errorf("build %s: %w\n%s", module, err, out), os.RemoveAll(dir))
	}
	return w, nil
}

// close removes the folder. A failure joins what *err says already.
func (w workshop) close(err *error) {
	*err = errors.Join(*err, os.RemoveAll(w.dir))
}
