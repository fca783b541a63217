package balancer

import "syscall"

// apart makes the process end with this one, even when this one is killed, and keeps a terminal's Ctrl-C from it: it is told by Close.
func apart() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM, Setpgid: true}
}
