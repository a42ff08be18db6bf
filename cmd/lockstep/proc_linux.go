package main

import "syscall"

// childAttributes put a child into a process group of its own, so that Ctrl-C in
// the terminal reaches only the parent, and have the kernel kill it when the
// thread that started it ends: see starter.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
