package main

import (
	"regexp"

	"github.com/pulsewall/pulsewall/cluster"
	"github.com/pulsewall/pulsewall/dashboard"
)

// UnmarshalText reads the address of Hazelcast members.
func (v *members) UnmarshalText(text []byte) error {
	if _, err := cluster.ParseAddress(string(text)); err != nil {
		return err
	}
	*v = members(text)
	return nil
}

var credentials = regexp.MustCompile(`//[^@/]*@`)

// MarshalText leaves the secret out.
func (v members) MarshalText() ([]byte, error) {
	return credentials.ReplaceAll([]byte(v), []byte("//***@")), nil
}

// join makes the node one of many.
func (v members) join(j dashboard.Joining) (cluster.Cluster, error) {
	opts, err := cluster.ParseAddress(string(v))
	if err != nil {
		return nil, err
	}
	opts.Status, opts.Now, opts.Logger = j.Status, j.Now, j.Logger
	return cluster.NewHazelcast(j.Node, j.Handler, opts), nil
}
