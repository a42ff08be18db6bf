package main

import "syscall"

// childAttributes puts a child into a new process group, so that Ctrl-C in the terminal
// reaches only the parent. The kernel kills the child when the thread that started it
// ends: see starter.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
