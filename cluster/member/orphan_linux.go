package member

import "syscall"

// withParent makes the process end with this one, even when this one is killed.
func withParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
