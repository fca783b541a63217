package main

import (
	"cmp"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/pulsewall/pulsewall/alerts"
	"github.com/pulsewall/pulsewall/dashboard"
	"github.com/pulsewall/pulsewall/feeds"
	"github.com/pulsewall/pulsewall/history"
)

// config is the effective configuration: defaults, then the file, then the environment, then flags.
type config struct {
	Listen         address       `yaml:"listen"`
	Interval       interval      `yaml:"interval,omitempty"`
	Node           name          `yaml:"node"`
	Cluster        members       `yaml:"cluster,omitempty"`
	NodeSecret     nodeSecret    `yaml:"nodeSecret,omitempty"`
	NodeAddress    nodeAddress   `yaml:"nodeAddress,omitempty"`
	StrictReady    bool          `yaml:"strictReady,omitempty"`
	Origins        []origin      `yaml:"origins,omitempty"`
	TrustedProxies []addressSet  `yaml:"trustedProxies,omitempty"`
	TLS            tlsConfig     `yaml:"tls,omitempty"`
	Auth           authConfig    `yaml:"auth,omitempty"`
	Insecure       bool          `yaml:"insecure,omitempty"`
	DataDir        dataDir       `yaml:"dataDir,omitempty"`
	History        historyConfig `yaml:"history"`
	Log            logConfig     `yaml:"log"`
	OlderClients   olderClients  `yaml:"olderClients"`
	MsgFeed        name          `yaml:"msgFeed,omitempty"`
	Limits         limitsConfig  `yaml:"limits"`
	Feeds          []feedConfig  `yaml:"feeds"`
	Alerts         alertsConfig  `yaml:"alerts,omitempty"`
	Dashboards     []boardConfig `yaml:"dashboards"`

	path        string            // of the file; empty: none
	environ     []string          // for ${NAME} in sources
	feeds       []feeds.Feed      // what Feeds describes
	broken      []string          // names of feeds that have mistakes
	notifiers   []alerts.Notifier // what Alerts describes
	boards      []dashboard.Board // what Dashboards describes
	certificate *tls.Certificate  // what TLS names; nil: plain HTTP
}

type tlsConfig struct {
	Cert string `yaml:"cert"`
	Key  string `yaml:"key"`
}

type logConfig struct {
	Level  logLevel  `yaml:"level"`
	Format logFormat `yaml:"format"`
}

type limitsConfig struct {
	Connections           count `yaml:"connections"`
	ConnectionsPerAddress count `yaml:"connectionsPerAddress"`
	MessagesPerSecond     count `yaml:"messagesPerSecond"`
	Polls                 count `yaml:"polls"`
	PollsPerFeed          count `yaml:"pollsPerFeed"`
}

// effective puts the configuration together and checks all of it. Its errors say where the mistake is and what is allowed.
func effective(cmd command) (config, error) {
	env, args := cmd.env, cmd.flags
	cfg := config{environ: cmd.environ}
	f := new(file)
	if cfg.path = cmp.Or(args.Config, env.Config); cfg.path != "" {
		var err error
		if f, err = readFile(cfg.path, &cfg); err != nil {
			return config{}, err
		}
	}
	cfg.overlay(env)
	cfg.overlay(args)
	cfg.overlay(flags{ // the defaults
		Listen:    cmp.Or(cfg.Listen, "127.0.0.1:7000"),
		Node:      cmp.Or(cfg.Node, nodeName(cfg.Cluster)),
		LogLevel:  cmp.Or(cfg.Log.Level, "info"),
		LogFormat: cmp.Or(cfg.Log.Format, "text"),

		OlderClients: cmp.Or(cfg.OlderClients, allOlder()),
	})
	cfg.Limits.complete()
	cfg.History.MaxSize = cmp.Or(cfg.History.MaxSize, history.DefaultSize)
	cfg.resolveFeeds(f)
	cfg.resolveNotifiers(f)
	cfg.resolveBoards(f)
	if err := f.err(); err != nil {
		return config{}, err
	}
	if err := errors.Join(cfg.checkMsgFeed(f), cfg.checkLinks(), cfg.checkAuth()); err != nil {
		return config{}, err
	}
	return cfg, cfg.loadCertificate()
}

// complete fills in the limits that are not given.
func (l *limitsConfig) complete() {
	unset := dashboard.DefaultLimits()
	l.Connections = cmp.Or(l.Connections, count(unset.Connections))
	l.ConnectionsPerAddress = cmp.Or(l.ConnectionsPerAddress, count(unset.ConnectionsPerAddr))
	l.MessagesPerSecond = cmp.Or(l.MessagesPerSecond, count(unset.MessagesPerSecond))
	l.Polls = cmp.Or(l.Polls, count(unset.Polls))
	l.PollsPerFeed = cmp.Or(l.PollsPerFeed, count(unset.PollsPerFeed))
}

// overlay takes over what f gives.
func (c *config) overlay(f flags) {
	c.Listen = cmp.Or(f.Listen, c.Listen)
	c.Node = cmp.Or(f.Node, c.Node)
	c.Cluster = cmp.Or(f.Cluster, c.Cluster)
	c.NodeSecret = cmp.Or(f.NodeSecret, c.NodeSecret)
	c.NodeAddress = cmp.Or(f.NodeAddress, c.NodeAddress)
	c.TLS.Cert = cmp.Or(f.TLSCert, c.TLS.Cert)
	c.TLS.Key = cmp.Or(f.TLSKey, c.TLS.Key)
	c.Auth.overlay(f.AuthFlags)
	if f.AuthFlags.Insecure != nil {
		c.Insecure = *f.AuthFlags.Insecure
	}
	c.DataDir = cmp.Or(f.DataDir, c.DataDir)
	c.Log.Level = cmp.Or(f.LogLevel, c.Log.Level)
	c.Log.Format = cmp.Or(f.LogFormat, c.Log.Format)
	c.OlderClients = cmp.Or(f.OlderClients, c.OlderClients)
	c.MsgFeed = cmp.Or(f.MsgFeed, c.MsgFeed)
	if len(f.Origin) > 0 {
		c.Origins = f.Origin
	}
	if len(f.TrustedProxy) > 0 {
		c.TrustedProxies = f.TrustedProxy
	}
	if f.StrictReady != nil {
		c.StrictReady = *f.StrictReady
	}
	if f.Interval != 0 {
		c.Interval = f.Interval
		for i := range c.Feeds {
			c.Feeds[i].Interval = 0
		}
	}
}

func (c *config) loadCertificate() error {
	if c.TLS == (tlsConfig{}) {
		return nil
	}
	if c.TLS.Cert == "" || c.TLS.Key == "" {
		return fmt.Errorf("TLS needs both: --tls-cert (now %q) and --tls-key (now %q)", c.TLS.Cert, c.TLS.Key)
	}
	pair, err := tls.LoadX509KeyPair(c.TLS.Cert, c.TLS.Key)
	if err != nil {
		return fmt.Errorf("TLS certificate: %w", err)
	}
	c.certificate = &pair
	return nil
}

// options are the part of the configuration that the dashboard needs.
func (c *config) options() dashboard.Options {
	opts := dashboard.Options{
		Node:        string(c.Node),
		Feeds:       c.feeds,
		Boards:      c.boards,
		StrictReady: c.StrictReady,
		MsgFeed:     string(c.MsgFeed),
		Notifiers:   c.notifiers,
		Limits: dashboard.Limits{
			Connections:        int(c.Limits.Connections),
			ConnectionsPerAddr: int(c.Limits.ConnectionsPerAddress),
			MessagesPerSecond:  int(c.Limits.MessagesPerSecond),
			Polls:              int(c.Limits.Polls),
			PollsPerFeed:       int(c.Limits.PollsPerFeed),
		},
	}
	opts.OlderClients = c.OlderClients.list()
	if c.Cluster != "" {
		opts.Cluster = c.join
	}
	for _, o := range c.Origins {
		opts.Origins = append(opts.Origins, string(o))
	}
	for _, p := range c.TrustedProxies {
		opts.TrustedProxies = append(opts.TrustedProxies, netip.Prefix(p))
	}
	return opts
}

// print writes the configuration as YAML that gives the same configuration when it is read, but for the secrets.
func (c *config) print(w io.Writer) error {
	shown, head := *c, ""
	if shown.NodeSecret != "" {
		shown.NodeSecret, head = "", "# nodeSecret is set, and never printed: give it by PULSEWALL_NODE_SECRET, or add it here.\n"
	}
	if shown.Auth.Secret != "" {
		head += "# auth.secret is set, and never printed: give it by PULSEWALL_AUTH_SECRET.\n"
	}
	shown.Auth = shown.Auth.shown()
	out, err := yaml.MarshalWithOptions(shown, yaml.IndentSequence(true), yaml.CustomMarshaler(func(s feeds.Secret) ([]byte, error) {
		return yaml.Marshal(shownSecret(s))
	}))
	if err != nil {
		return fmt.Errorf("write configuration: %w", err)
	}
	_, err = w.Write(append([]byte(head), out...))
	return err
}

// source says where the configuration is from.
func (c *config) source() string { return cmp.Or(c.path, "built-in configuration") }

// nodeName is the name of a node that was given none: in a cluster with a suffix, since several nodes may run on a machine.
func nodeName(m members) name {
	host := hostName()
	if m == "" {
		return host
	}
	return host[:min(len(host), 57)] + name("-"+strings.ToLower(rand.Text()[:6]))
}

// hostName is the name of this machine, with what a name of a node may not hold replaced.
func hostName() name {
	host, err := os.Hostname()
	if err != nil {
		return "pulsewall"
	}
	host = regexp.MustCompile(`[^A-Za-z0-9._-]+`).ReplaceAllString(host, "-")
	return name(cmp.Or(strings.Trim(host[:min(len(host), 64)], "-"), "pulsewall"))
}
