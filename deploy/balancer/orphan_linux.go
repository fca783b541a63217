package balancer

import "syscall"

// Apart makes a process end with the one that starts it, even when that one is killed, and keeps a terminal's Ctrl-C from it: whoever
// started it tells it when to end.
func Apart() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM, Setpgid: true}
}
