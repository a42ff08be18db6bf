package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// disk is a file system of its own, on a device in memory (zram), so that the disk of the machine
// adds nothing to what is measured.
type disk struct{ device, mount string }

const (
	diskBytes   = "1G"
	zramControl = "/sys/class/zram-control"
)

func newDisk(mount string) (*disk, error) {
	if err := os.MkdirAll(mount, 0o755); err != nil {
		return nil, err
	}
	number, err := os.ReadFile(filepath.Join(zramControl, "hot_add"))
	if err != nil {
		return nil, fmt.Errorf("a device in memory (it needs root and zram): %w", err)
	}
	d := &disk{device: "zram" + strings.TrimSpace(string(number)), mount: mount}
	if err := d.set("disksize", diskBytes); err != nil {
		return nil, errors.Join(err, d.remove())
	}
	if err := command("mkfs.ext4", "-q", "-F", "/dev/"+d.device); err != nil {
		return nil, errors.Join(err, d.remove())
	}
	if err := command("mount", "/dev/"+d.device, mount); err != nil {
		return nil, errors.Join(err, d.remove())
	}
	return d, nil
}

func (d *disk) set(name, value string) error {
	return os.WriteFile(filepath.Join("/sys/block", d.device, name), []byte(value), 0)
}

func (d *disk) remove() error {
	number := strings.TrimPrefix(d.device, "zram")
	return errors.Join(d.set("reset", "1"),
		os.WriteFile(filepath.Join(zramControl, "hot_remove"), []byte(number), 0))
}

// stall lets every write to the disk wait inside the kernel, until go. No signal ends that wait.
func (d *disk) stall() error { return command("fsfreeze", "--freeze", d.mount) }
func (d *disk) goOn() error  { return command("fsfreeze", "--unfreeze", d.mount) }

func (d *disk) close() error {
	if err := command("umount", d.mount); err != nil {
		return err
	}
	return d.remove()
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
	number, err := os.ReadFile(filepath.Join("/sys/block", d.device, "dev"))
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
