//go:build unix && !linux

package balancer

import "syscall"

// apart keeps a terminal's Ctrl-C from the process: it is told by Close. One whose parent was killed is to be ended by hand.
func apart() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
