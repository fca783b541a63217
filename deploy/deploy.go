// Package deploy holds what operators start from: configuration of balancers and of Hazelcast members, which the tests use too.
package deploy

import _ "embed" // the files

// Nginx is the configuration of nginx without TLS, NginxTLS with it, HAProxy that of HAProxy: each in front of nodes at 127.0.0.1:7001
// and the ports after it.
var (
	//go:embed nginx.conf
	Nginx []byte
	//go:embed nginx-wss.conf
	NginxTLS []byte
	//go:embed haproxy.cfg
	HAProxy []byte
)

// Hazelcast is the configuration of a Hazelcast member.
//
//go:embed hazelcast.yaml
var Hazelcast []byte
