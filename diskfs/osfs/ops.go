package osfs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"example.com/lockstep/diskfs"
	"example.com/lockstep/diskfs/internal/rules"
)

// zeros is what Allocate writes. It is never changed.
var zeros [1 << 20]byte

// run makes the system calls of one task. fd and path are those of its handle;
// opened is the descriptor that a successful Open made.
func (d *Disk) run(t *task, fd int, path string) (c diskfs.Completion, opened int) {
	op := t.op
	if path == "" || !rules.UsesHandle(op.Kind) {
		path = op.Path
	}
	c = rules.Completion(op, nil)
	err := error(diskfs.ErrClosed)
	if !t.refused {
		if err = rules.Check(op); err == nil {
			if rules.UsesHandle(op.Kind) {
				err = d.onHandle(op, fd, &c)
			} else {
				opened, err = d.onPath(op, &c)
			}
		}
	}
	c.Err = rules.Wrap(op, path, sentinel(op.Kind, err))
	return c, opened
}

func (d *Disk) onHandle(op diskfs.Op, fd int, c *diskfs.Completion) (err error) {
	switch op.Kind {
	case diskfs.Close:
		return unix.Close(fd)
	case diskfs.Read:
		c.N, err = readFull(fd, op.Data, op.Offset)
		return err
	case diskfs.Write:
		c.N, err = writeFull(fd, op.Data, op.Offset)
		return err
	case diskfs.WriteSync:
		c.N, err = d.writeSync(fd, op.Data, op.Offset)
		return err
	case diskfs.Sync:
		err = again(func() error { return fdatasync(fd) })
		if err == nil && op.Flags&diskfs.Uncached != 0 {
			err = dropCache(fd)
		}
		return err
	case diskfs.Truncate:
		return again(func() error { return unix.Ftruncate(fd, op.Size) })
	case diskfs.Allocate:
		return allocate(fd, op.Offset, op.Size)
	}
	return fmt.Errorf("kind %d is not an operation on a handle", op.Kind)
}

func (d *Disk) onPath(op diskfs.Op, c *diskfs.Completion) (opened int, err error) {
	full := d.full(op.Path)
	switch op.Kind {
	case diskfs.Open:
		opened, c.Size, err = open(full, op.Flags)
	case diskfs.Rename:
		err = again(func() error { return unix.Rename(full, d.full(op.To)) })
	case diskfs.Remove:
		err = os.Remove(full)
	case diskfs.RemoveAll:
		err = os.RemoveAll(full)
	case diskfs.List:
		c.Entries, err = list(full)
	case diskfs.Mkdir:
		err = os.Mkdir(full, 0o755)
	case diskfs.SyncDir:
		err = syncDir(full)
	case diskfs.SyncFS:
		err = d.syncFS()
	case diskfs.Space:
		c.Size, err = space(d.root)
	case diskfs.Lock:
		err = d.lock(op.Path)
	}
	return opened, err
}

func (d *Disk) full(path string) string {
	return filepath.Join(d.root, filepath.FromSlash(path))
}

// again repeats a system call that a signal interrupted.
func again(call func() error) error {
	for {
		if err := call(); err != unix.EINTR {
			return err
		}
	}
}

// open opens a file for reading and writing; the system refuses directories.
func open(full string, flags diskfs.Flags) (fd int, size int64, err error) {
	mode := unix.O_RDWR | unix.O_CLOEXEC
	if flags&diskfs.Create != 0 {
		mode |= unix.O_CREAT
	}
	if flags&diskfs.Exclusive != 0 {
		mode |= unix.O_EXCL
	}
	err = again(func() (err error) { fd, err = unix.Open(full, mode, 0o644); return err })
	if err != nil {
		return 0, 0, err
	}
	var st unix.Stat_t
	if err = unix.Fstat(fd, &st); err != nil {
		_ = unix.Close(fd)
		return 0, 0, err
	}
	return fd, st.Size, nil
}

func readFull(fd int, data []byte, offset int64) (n int, err error) {
	for n < len(data) {
		k, err := unix.Pread(fd, data[n:], offset+int64(n))
		switch {
		case err == unix.EINTR:
		case err != nil:
			return n, err
		case k == 0:
			return n, nil
		default:
			n += k
		}
	}
	return n, nil
}

func writeFull(fd int, data []byte, offset int64) (n int, err error) {
	for n < len(data) {
		k, err := unix.Pwrite(fd, data[n:], offset+int64(n))
		if err != nil && err != unix.EINTR {
			return n, err
		}
		n += max(k, 0)
	}
	return n, nil
}

// writeSync writes data and makes it durable, in one system call if it can. A
// partial write is durable as far as it went, so it is safe to go on with the
// rest.
func (d *Disk) writeSync(fd int, data []byte, offset int64) (n int, err error) {
	for n < len(data) && !d.noRangeSync.Load() {
		k, err := pwriteDsync(fd, data[n:], offset+int64(n))
		switch err {
		case nil:
			n += k
		case unix.EINTR:
		case unix.ENOSYS, unix.EOPNOTSUPP:
			d.noRangeSync.Store(true)
		default:
			return n, err
		}
	}
	if n == len(data) {
		return n, nil
	}
	k, err := writeFull(fd, data[n:], offset+int64(n))
	if err == nil {
		err = again(func() error { return fdatasync(fd) })
	}
	return n + k, err
}

// allocate writes zeros. It first reserves the range, so that the file has few
// extents. Reserving alone is not enough: it leaves unwritten extents, and the
// first write to one needs a metadata update. So a failed reserve matters only
// if there is no space.
func allocate(fd int, offset, size int64) error {
	if size == 0 {
		return nil
	}
	if err := reserve(fd, offset, size); err == unix.ENOSPC || err == unix.EDQUOT {
		return err
	}
	for end := offset + size; offset < end; {
		n, err := writeFull(fd, zeros[:min(int64(len(zeros)), end-offset)], offset)
		if err != nil {
			return err
		}
		offset += int64(n)
	}
	return nil
}

func list(full string) ([]diskfs.Entry, error) {
	found, err := os.ReadDir(full) // sorted by name
	if err != nil {
		return nil, err
	}
	entries := make([]diskfs.Entry, 0, len(found))
	for _, f := range found {
		entry := diskfs.Entry{Name: f.Name(), Dir: f.IsDir()}
		if !entry.Dir {
			info, err := f.Info()
			if errors.Is(err, os.ErrNotExist) {
				continue // removed since the names were read
			}
			if err != nil {
				return nil, err
			}
			entry.Size = info.Size()
		}
		entries = append(entries, entry)
	}
	return entries, nil
}

// openDir opens a directory for a sync.
func openDir(full string) (fd int, err error) {
	err = again(func() (err error) {
		fd, err = unix.Open(full, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		return err
	})
	return fd, err
}

// syncDir makes the names in a directory durable. If the directory cannot be
// opened, no sync has begun, and the operation may be repeated.
func syncDir(full string) error {
	fd, err := openDir(full)
	if err != nil {
		return sentinel(diskfs.Open, err)
	}
	err = again(func() error { return unix.Fsync(fd) })
	_ = unix.Close(fd)
	return err
}

func space(root string) (free int64, err error) {
	var st unix.Statfs_t
	if err := again(func() error { return unix.Statfs(root, &st) }); err != nil {
		return 0, err
	}
	return int64(st.Bavail) * int64(st.Bsize), nil
}

// lock takes the lock and keeps its descriptor as a plain number: the finalizer
// of an os.File would close it and lose the lock.
func (d *Disk) lock(path string) error {
	d.mu.Lock()
	_, held := d.locks[path]
	d.mu.Unlock()
	if held {
		return nil
	}
	fd, _, err := open(d.full(path), diskfs.Create)
	if err != nil {
		return err
	}
	if err := again(func() error { return unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB) }); err != nil {
		defer unix.Close(fd)
		return fmt.Errorf("%s is locked%s: %w", d.full(path), holder(fd), err)
	}
	d.mu.Lock()
	d.locks[path] = fd
	d.mu.Unlock()
	return nil
}

// holder says which process holds the lock of a file, as the kernel lists it; "" if it does not.
// A line of the list is "1: FLOCK ADVISORY WRITE <pid> <major>:<minor>:<inode> 0 EOF".
func holder(fd int) string {
	var st unix.Stat_t
	locks, err := os.ReadFile("/proc/locks")
	if err != nil || unix.Fstat(fd, &st) != nil {
		return ""
	}
	for line := range strings.Lines(string(locks)) {
		fields := strings.Fields(line)
		if len(fields) > 5 && fields[1] == "FLOCK" &&
			strings.HasSuffix(fields[5], fmt.Sprintf(":%d", st.Ino)) {
			return " by process " + fields[4]
		}
	}
	return ""
}
