//go:build unix && !linux

package servers

import "syscall"

// attributes keep a terminal's Ctrl-C from a process. One whose tests were killed is to be ended by hand.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: nobody(), Setpgid: true}
}
