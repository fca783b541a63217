//go:build unix

package member

import (
	"fmt"
	"net"
	"strconv"

	"github.com/goccy/go-yaml"
)

// object is a part of a YAML file.
type object = map[string]any

// configure returns the member's YAML with its own name, address and peers, on loopback, in place of those it had.
func configure(addr string, o Options) ([]byte, error) {
	var file object
	if err := yaml.Unmarshal(o.Config, &file); err != nil {
		return nil, fmt.Errorf("read the member's configuration: %w", err)
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return nil, err
	}
	if o.Cluster == "" {
		o.Cluster = "pulsewall"
	}
	root := part(&file, "hazelcast")
	root["cluster-name"] = o.Cluster
	network := part(&root, "network")
	network["public-address"] = addr
	network["port"] = object{"port": number, "auto-increment": false}
	network["interfaces"] = object{"enabled": true, "interfaces": []string{host}}
	network["join"] = object{
		"auto-detection": object{"enabled": false},
		"multicast":      object{"enabled": false},
		"tcp-ip":         object{"enabled": true, "member-list": append([]string{addr}, o.Peers...)},
	}
	return yaml.Marshal(file)
}

// part returns the object under the key and makes it if there is none.
func part(of *object, key string) object {
	if *of == nil {
		*of = make(object)
	}
	p, ok := (*of)[key].(object)
	if !ok {
		p = make(object)
		(*of)[key] = p
	}
	return p
}
