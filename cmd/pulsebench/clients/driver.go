//go:build linux

package clients

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"

	"github.com/pulsewall/pulsewall/cmd/pulsebench/compare"
)

// Driver is a crowd in a process of its own.
type Driver struct {
	cmd     *exec.Cmd
	orders  io.WriteCloser
	answers *json.Decoder
	encoder *json.Encoder
	CPUs    int // that it may use
}

// Start starts the program, which must call Run, on its processors. The caller must Stop it.
func Start(ctx context.Context, program string, args []string, cpus []int) (*Driver, error) {
	d := &Driver{cmd: exec.CommandContext(ctx, program, args...), CPUs: len(cpus)} // #nosec G204 -- this program itself
	orders, err := d.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	answers, err := d.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	d.orders, d.answers, d.encoder = orders, json.NewDecoder(answers), json.NewEncoder(orders)
	if err := compare.OnCPUs(cpus, d.cmd.Start); err != nil {
		return nil, fmt.Errorf("start the clients: %w", err)
	}
	return d, nil
}

// Do has an order carried out and waits for what came of it.
func (d *Driver) Do(o Order) (Answer, error) {
	var a Answer
	if err := d.encoder.Encode(o); err != nil {
		return a, fmt.Errorf("order the clients: %w", err)
	}
	if err := d.answers.Decode(&a); err != nil {
		return a, fmt.Errorf("the clients' process: %w", err)
	}
	if a.Error != "" {
		return a, errors.New(a.Error)
	}
	return a, nil
}

// Stop lets the clients go and ends their process.
func (d *Driver) Stop() {
	_ = d.orders.Close()
	_ = d.cmd.Wait()
}
