// Package deploy holds the files that operators start from, for the tests that use them.
package deploy

import _ "embed" // for the files below

// Hazelcast is the configuration of a member.
//
//go:embed hazelcast.yaml
var Hazelcast []byte
