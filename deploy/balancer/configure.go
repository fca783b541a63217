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

// configure returns the balancer's file with other nodes, and with another address to listen on.
func configure(file []byte, kind Kind, listen string, nodes []string) ([]byte, error) {
	all := serverLine.FindAllSubmatchIndex(file, -1)
	if len(all) == 0 || !listenLine.Match(file) {
		return nil, fmt.Errorf("%s: the file has no line of a server or none where to listen", kind)
	}
	var list bytes.Buffer
	for i, node := range nodes {
		name := ""
		if kind == HAProxy {
			name = fmt.Sprintf("node-%d ", i+1)
		}
		first := all[0]
		fmt.Fprintf(&list, "%s%s%s%s", file[first[2]:first[3]], name, node, file[first[4]:first[5]])
	}
	begin, end := all[0][0], all[len(all)-1][1]
	out := bytes.Join([][]byte{file[:begin], list.Bytes(), file[end:]}, nil)
	return listenLine.ReplaceAll(out, []byte("${1}"+listen)), nil
}
