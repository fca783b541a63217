//go:build unix && !linux

package member

import "syscall"

// withParent keeps a terminal's Ctrl-C from the process: who started it ends it. A member whose parent was killed is to be ended by hand.
func withParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
