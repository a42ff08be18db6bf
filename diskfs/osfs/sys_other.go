//go:build unix && !linux

package osfs

import (
	"io/fs"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Lockstep runs on Linux; this file is for development on other systems. Their
// fsync may reach only the drive's cache.

func fdatasync(fd int) error { return unix.Fsync(fd) }

// syncfs syncs all files and directories below the root, one by one.
func (d *Disk) syncfs(int) error {
	return filepath.WalkDir(d.root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return err
		}
		err = unix.Fsync(fd)
		_ = unix.Close(fd)
		return err
	})
}

func dropCache(int) error { return nil }

func pwriteDsync(int, []byte, int64) (int, error) { return 0, unix.EOPNOTSUPP }

func reserve(int, int64, int64) error { return nil }
