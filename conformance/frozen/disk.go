package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// disk is a file system of its own, in a file.
type disk struct{ device, mount string }

const diskBytes = 1 << 30

func newDisk(image, mount string) (*disk, error) {
	if err := os.MkdirAll(mount, 0o755); err != nil {
		return nil, err
	}
	f, err := os.Create(image)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if err := f.Truncate(diskBytes); err != nil {
		return nil, err
	}
	if err := command("mkfs.ext4", "-q", "-F", image); err != nil {
		return nil, err
	}
	out, err := exec.Command("losetup", "--find", "--show", image).Output()
	if err != nil {
		return nil, fmt.Errorf("a loop device for %s (it needs root): %w", image, err)
	}
	d := &disk{device: strings.TrimSpace(string(out)), mount: mount}
	if err := command("mount", d.device, mount); err != nil {
		_ = command("losetup", "-d", d.device)
		return nil, err
	}
	return d, nil
}

// stall lets every write to the disk wait inside the kernel, until go. No signal ends that wait.
func (d *disk) stall() error { return command("fsfreeze", "--freeze", d.mount) }
func (d *disk) goOn() error  { return command("fsfreeze", "--unfreeze", d.mount) }

func (d *disk) close() {
	for _, args := range [][]string{{"umount", d.mount}, {"losetup", "-d", d.device}} {
		if err := command(args[0], args[1:]...); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
}

// throttle is a control group (version 1) of processes that write slowly to some disks.
type throttle struct{ dir string }

const blkio = "/sys/fs/cgroup/blkio"

func newThrottle() (*throttle, error) {
	dir, err := os.MkdirTemp(blkio, "frozen")
	if err != nil {
		return nil, fmt.Errorf("a control group (blkio, version 1): %w", err)
	}
	return &throttle{dir}, nil
}

// slow allows the process, and those that it will start, so many writes to d per second.
func (t *throttle) slow(pid int, d *disk, writesPerSecond int) error {
	number, err := os.ReadFile(filepath.Join("/sys/block", filepath.Base(d.device), "dev"))
	if err != nil {
		return err
	}
	rule := fmt.Sprintf("%s %d", strings.TrimSpace(string(number)), writesPerSecond)
	if err := t.write("blkio.throttle.write_iops_device", rule); err != nil {
		return err
	}
	return t.write("cgroup.procs", fmt.Sprint(pid))
}

func (t *throttle) write(name, text string) error {
	return os.WriteFile(filepath.Join(t.dir, name), []byte(text), 0)
}

// close moves the processes out of the group, and removes it.
func (t *throttle) close() error {
	pids, err := os.ReadFile(filepath.Join(t.dir, "cgroup.procs"))
	if err != nil {
		return err
	}
	for _, pid := range strings.Fields(string(pids)) {
		// A process that has ended meanwhile cannot be moved, and is in no group.
		_ = os.WriteFile(filepath.Join(blkio, "cgroup.procs"), []byte(pid), 0)
	}
	return os.Remove(t.dir)
}
