package osfs

import (
	"errors"
	"io/fs"
	"path/filepath"

	"golang.org/x/sys/unix"

	"example.com/lockstep/diskfs"
)

// syncFS makes everything on the file system durable. It uses the descriptor
// that New has opened: the kernel reports an error of the file system once to
// each descriptor that was open then. A descriptor that is opened later misses
// an error that another process, or another loop, was told of.
//
// Files may be closed by then. An error that nobody was told of is reported to
// that descriptor, or to the next one that opens the file: see syncBelow.
func (d *Disk) syncFS() error {
	if !d.eachFile {
		return again(func() error { return syncfs(d.rootFD) })
	}
	return syncBelow(d.root)
}

// syncBelow syncs all files and directories below a directory, one by one. A
// file that is removed meanwhile needs no sync.
func syncBelow(root string) error {
	return filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return sentinel(diskfs.List, err)
		case !entry.IsDir() && !entry.Type().IsRegular():
			return nil
		}
		if err = syncOne(path); errors.Is(err, diskfs.ErrNotExist) {
			return nil
		}
		return err
	})
}

func syncOne(path string) error {
	var fd int
	err := again(func() (err error) {
		fd, err = unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		return err
	})
	if err != nil {
		return sentinel(diskfs.Open, err)
	}
	err = again(func() error { return unix.Fsync(fd) })
	_ = unix.Close(fd)
	return err
}
