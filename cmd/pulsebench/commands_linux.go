package main

import (
	"context"
	"io"
	"os"

	"github.com/pulsewall/pulsewall/cmd/pulsebench/clients"
	"github.com/pulsewall/pulsewall/cmd/pulsebench/ours"
)

// linuxCommands pin processes to processors and read clients by epoll.
type linuxCommands struct {
	Compare compareCommand `cmd:"" help:"Pulsewall beside the systems that people would pick instead, on the same work in the same run."`
	Stuck   stuckCommand   `cmd:"" help:"What clients that stop reading cost the server and the others."`
	Crowd   crowdCommand   `cmd:"" help:"How long a tick takes until all of a crowd have it, by the size of the crowd."`
	Serve   serveCommand   `cmd:"" hidden:"" help:"Be one of the servers that are compared."`
	Clients clientsCommand `cmd:"" hidden:"" help:"Be the clients of one of them; orders come on stdin."`
}

// serveCommand is the process of a server.
type serveCommand struct {
	Name     string `arg:""`
	Profiles bool
}

// Run serves until ctx ends.
func (c serveCommand) Run(ctx context.Context, stdout, _ io.Writer) error {
	return ours.Serve(ctx, c.Name, c.Profiles, stdout)
}

// clientsCommand is the process of the clients.
type clientsCommand struct{}

// Run carries out orders until there are no more.
func (clientsCommand) Run(ctx context.Context, stdout, _ io.Writer) error {
	return clients.Run(ctx, os.Stdin, stdout)
}
