//go:build unix && !linux

package main

import "syscall"

// childAttributes put a child into a process group of its own, so that Ctrl-C in
// the terminal reaches only the parent. Without Linux's parent-death signal
// children outlive a parent that is killed.
func childAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
