//go:build unix && !linux

package main

import "syscall"

// childAttributes puts a child into a new process group, so that Ctrl-C in the terminal
// reaches only the parent. Without Linux's parent-death signal, children go on when the
// parent is killed.
func childAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
