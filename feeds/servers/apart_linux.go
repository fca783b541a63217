package servers

import "syscall"

// attributes make a process end with the tests, even when those are killed, and keep a terminal's Ctrl-C from it.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: nobody(), Pdeathsig: syscall.SIGQUIT, Setpgid: true}
}
