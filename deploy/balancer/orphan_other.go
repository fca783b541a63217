//go:build unix && !linux

package balancer

import "syscall"

// Apart keeps a terminal's Ctrl-C from a process: whoever started it tells it when to end. One whose parent was killed is to be ended
// by hand.
func Apart() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
