package main

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"github.com/pulsewall/pulsewall/cluster"
	"github.com/pulsewall/pulsewall/dashboard"
)

// UnmarshalText reads the address of Hazelcast members.
func (v *members) UnmarshalText(text []byte) error {
	if strings.Contains(string(text), leftOut) {
		return errors.New("the user and password of the members were left out when this was printed: put them in place of ***")
	}
	if _, err := cluster.ParseAddress(string(text)); err != nil {
		return err
	}
	*v = members(text)
	return nil
}

var credentials = regexp.MustCompile(`//[^@/]*@`)

// leftOut stands in what is printed for a user and password.
const leftOut = "//***@"

// MarshalText leaves the user and password out.
func (v members) MarshalText() ([]byte, error) {
	return credentials.ReplaceAll([]byte(v), []byte(leftOut)), nil
}

// join makes the node one of many.
func (c *config) join(j dashboard.Joining) (cluster.Cluster, error) {
	opts, err := cluster.ParseAddress(string(c.Cluster))
	if err != nil {
		return nil, err
	}
	opts.Status, opts.Answer, opts.Now, opts.Logger = j.Status, j.Answer, j.Now, j.Logger
	opts.Secret, opts.Address = string(c.NodeSecret), string(c.NodeAddress)
	return cluster.NewHazelcast(j.Node, j.Handler, opts), nil
}

type (
	nodeSecret  string // 16 to 256 characters
	nodeAddress string // http(s)://host:port
)

// UnmarshalText reads a secret. Its error does not tell it.
func (v *nodeSecret) UnmarshalText(text []byte) error {
	if len(text) < 16 || len(text) > 256 {
		return fmt.Errorf("a secret of %d characters; allowed: 16 to 256, for example of openssl rand -hex 32", len(text))
	}
	*v = nodeSecret(text)
	return nil
}

// UnmarshalText reads where other nodes reach this one.
func (v *nodeAddress) UnmarshalText(text []byte) error {
	u, err := url.Parse(string(text))
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || u.Scheme+"://"+u.Host != string(text) || len(text) > 512 {
		return fmt.Errorf("%q is not the address of a node; allowed: http://HOST:PORT or https://HOST:PORT without a path, such as http://10.0.0.7:7000", text)
	}
	*v = nodeAddress(text)
	return nil
}

// checkLinks says what is missing for links between nodes.
func (c *config) checkLinks() error {
	if c.NodeAddress != "" && c.NodeSecret == "" {
		return fmt.Errorf("--node-address %s needs --node-secret, the same on all nodes", c.NodeAddress)
	}
	return nil
}
