//go:build unix && !linux

package member

import "syscall"

// withParent can do nothing here: a member whose parent was killed is to be ended by hand.
func withParent() *syscall.SysProcAttr { return nil }
