//go:build unix

package balancer

import (
	"bytes"
	"fmt"
	"regexp"
)

var (
	// A server line, for example "    server node-1 127.0.0.1:7001": indent, HAProxy's name of it, address, and the rest.
	serverLine = regexp.MustCompile(`(?m)^([ \t]*server )(?:node-\d+ )?(?:127\.0\.0\.1:\d+)(.*\n)`)
	listenLine = regexp.MustCompile(`(?m)^([ \t]*(?:listen|bind) )127\.0\.0\.1:\d+`)
)

// configure returns the balancer's file with other nodes in each of its lists, and with another address to listen on.
func configure(file []byte, kind Kind, listen string, nodes []string) ([]byte, error) {
	all := serverLine.FindAllSubmatchIndex(file, -1)
	if len(all) == 0 || !listenLine.Match(file) {
		return nil, fmt.Errorf("%s: the file has no line of a server or none where to listen", kind)
	}
	var out bytes.Buffer
	end := 0
	for i, line := range all {
		if i > 0 && line[0] == end { // of the same list
			end = line[1]
			continue
		}
		out.Write(file[end:line[0]])
		end = line[1]
		for n, node := range nodes {
			name := ""
			if kind == HAProxy {
				name = fmt.Sprintf("node-%d ", n+1)
			}
			fmt.Fprintf(&out, "%s%s%s%s", file[line[2]:line[3]], name, node, file[line[4]:line[5]])
		}
	}
	out.Write(file[end:])
	return listenLine.ReplaceAll(out.Bytes(), []byte("${1}"+listen)), nil
}
