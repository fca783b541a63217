package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"
)

// flags are the settings that the command line and the environment can give. Zero values are not given.
type flags struct {
	Config       string       `help:"YAML file with feeds, dashboards and any of these settings." placeholder:"FILE"`
	Listen       address      `help:"Address to listen on (default 127.0.0.1:7000). Port 0 takes a free one." placeholder:"HOST:PORT"`
	Interval     interval     `help:"How often every feed is polled, 1s to 1h, instead of its own interval." placeholder:"DURATION"`
	TLSCert      string       `help:"Certificate in PEM, with its chain. Serves HTTPS and HTTP/2." placeholder:"FILE" name:"tls-cert"`
	TLSKey       string       `help:"Private key of the certificate." placeholder:"FILE" name:"tls-key"`
	Origin       []origin     `help:"Further origin whose pages may connect and post, such as https://wall.example, or null. Behind a proxy on this machine: the address that people see. Repeatable." placeholder:"ORIGIN"`
	TrustedProxy []addressSet `help:"Proxy whose X-Forwarded-* headers count: an address or CIDR. Repeatable." placeholder:"ADDRESS"`
	Node         name         `help:"Name of this node (default: the host name, in a cluster with a suffix)." placeholder:"NAME"`
	Cluster      members      `help:"Hazelcast members that join this node to others: hazelcast://HOST:PORT,HOST:PORT/NAME. Without it the node is alone." placeholder:"ADDRESS"`
	NodeSecret   nodeSecret   `help:"What nodes know of each other, 16 characters or more: those that were given the same open direct links." placeholder:"SECRET"`
	NodeAddress  nodeAddress  `help:"Where the other nodes reach this one, such as http://10.0.0.7:7000. With --node-secret." placeholder:"URL"`
	StrictReady  *bool        `help:"Answer /readyz with 503 while the node has lost its cluster, so that a balancer takes it out." placeholder:"BOOL"`
	OlderClients olderClients `help:"Addresses for pages of other servers: any of msg,hello1,message,channel,sockjs, or none (default all)." placeholder:"LIST"`
	MsgFeed      name         `help:"Feed whose pages /msg pushes (default: the first that is per user, else the first)." placeholder:"NAME"`
	DataDir      dataDir      `help:"Directory of the history, or off (default: the user's state directory)." placeholder:"DIR"`
	LogLevel     logLevel     `help:"debug, info, warn or error (default info)." placeholder:"LEVEL"`
	AuthFlags    authFlags    `embed:""`
	LogFormat    logFormat    `help:"text or json (default text)." placeholder:"FORMAT"`
}

// grammar is the command line as kong reads it.
type grammar struct {
	Flags flags `embed:""`

	Serve         struct{} `cmd:"" default:"1" help:"Serve the dashboards (the default command)."`
	Configuration struct {
		Check struct{} `cmd:"" help:"Check the configuration and say what is wrong, where, and what is allowed."`
		Print struct{} `cmd:"" help:"Print the effective configuration as YAML, secrets left out."`
	} `cmd:"" name:"config" help:"Look at the configuration."`
	Feed struct {
		Test feedTest `cmd:"" help:"Poll a feed once and print its page, or what is wrong with it."`
	} `cmd:"" help:"Look at a feed."`
	Alert struct {
		Test struct{} `cmd:"" help:"Tell each notifier of an alert that is made up, and say what came of it."`
	} `cmd:"" help:"Look at alerts."`
	Version struct{} `cmd:"" help:"Print the version."`
}

// command is what the command line and the environment ask for.
type command struct {
	name       string // "serve", "config check", "config print", "feed test <name>", "alert test", "version", or "help" when help was printed
	env, flags flags
	test       feedTest
	environ    []string // for ${NAME} in the file
}

const description = `A wall of live readings: feeds are polled once, however many watch, and pushed to every browser.

Examples:
  pulsewall                                        watch this machine on http://127.0.0.1:7000
  pulsewall --listen :8080 --log-format json       everybody who reaches port 8080 can watch
  pulsewall --config wall.yaml                     feeds and dashboards of your own
  pulsewall --trusted-proxy 10.0.0.0/8 --origin https://wall.example
  pulsewall --cluster hazelcast://10.0.0.5:5701/pulsewall
  pulsewall config check --config wall.yaml        find mistakes before a restart does
  pulsewall feed test orders --config wall.yaml    poll a feed once and look at its page
  pulsewall alert test --config wall.yaml          see whether alerts arrive

A flag beats its environment variable, which beats the configuration file.`

// parseCommand reads args and the PULSEWALL_* variables of env. Help goes to stdout.
func parseCommand(args, env []string, stdout io.Writer) (command, error) {
	parser, g, helped, err := newParser(stdout)
	if err != nil {
		return command{}, err
	}
	kctx, err := parser.Parse(args)
	if *helped {
		return command{name: "help"}, nil
	}
	if err != nil {
		return command{}, errors.New(explain(parser, err.Error()))
	}
	cmd := command{name: kctx.Command(), flags: g.Flags, environ: env, test: g.Feed.Test}
	cmd.env, err = parseEnv(env)
	return cmd, err
}

func newParser(stdout io.Writer) (*kong.Kong, *grammar, *bool, error) {
	g, helped := new(grammar), new(bool)
	parser, err := kong.New(g,
		kong.Name("pulsewall"),
		kong.Description(description),
		kong.Writers(stdout, stdout),
		kong.Exit(func(int) { *helped = true }), // only help exits; the program ends in main alone
		kong.ConfigureHelp(kong.HelpOptions{WrapUpperBound: 100}),
		kong.ValueFormatter(func(v *kong.Value) string {
			if v.Flag == nil || v.Name == "help" {
				return v.Help
			}
			return v.Help + " ($" + envName(v.Name) + ")"
		}),
	)
	return parser, g, helped, err
}

// parseEnv reads the variables by the same grammar, so that they take what the flags take. Lists are separated by commas.
func parseEnv(env []string) (flags, error) {
	parser, g, _, err := newParser(io.Discard)
	if err != nil {
		return flags{}, err
	}
	var args []string
	for _, f := range parser.Model.Flags {
		value, ok := lookup(env, envName(f.Name))
		if !ok || f.Name == "help" {
			continue
		}
		args = append(args, "--"+f.Name+"="+value)
		if _, err := parser.Parse(args); err != nil {
			return flags{}, fmt.Errorf("%s: %w", envName(f.Name), rootCause(err))
		}
	}
	return g.Flags, nil
}

// explain adds to an error of kong what could have been given in place of what was not understood.
func explain(parser *kong.Kong, text string) string {
	switch {
	case strings.HasPrefix(text, "unknown flag"):
		var names []string
		for _, f := range parser.Model.Flags {
			names = append(names, "--"+f.Name)
		}
		return text + "; allowed: " + strings.Join(names, ", ")
	case strings.HasPrefix(text, "unexpected argument"):
		return text + "; allowed: serve, config check, config print, feed test, alert test, version"
	case strings.Contains(text, `got "EOL"`):
		flag, _, _ := strings.Cut(text, ":")
		return flag + " needs a value; see pulsewall --help"
	}
	return text
}

// rootCause takes off the name of the flag that kong puts in front of an error.
func rootCause(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

func envName(flag string) string {
	return "PULSEWALL_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// lookup returns the last non-empty value of key in env.
func lookup(env []string, key string) (value string, ok bool) {
	for _, kv := range env {
		if k, v, _ := strings.Cut(kv, "="); k == key && v != "" {
			value, ok = v, true
		}
	}
	return value, ok
}
