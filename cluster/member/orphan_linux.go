package member

import "syscall"

// withParent makes the process end with this one, even when this one is killed. A terminal's Ctrl-C is not for it: who started it ends it.
func withParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}
