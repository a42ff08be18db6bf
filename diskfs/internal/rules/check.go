package rules

import (
	"errors"
	"fmt"
	"strings"

	"example.com/lockstep/diskfs"
)

// UsesHandle says whether operations of kind k name an open file by Handle
// (and not a path).
func UsesHandle(k diskfs.Kind) bool {
	switch k {
	case diskfs.Close, diskfs.Read, diskfs.Write, diskfs.WriteSync,
		diskfs.Sync, diskfs.Truncate, diskfs.Allocate:
		return true
	}
	return false
}

// Check returns what is wrong with the fields of op, or nil. The error wraps no
// sentinel: an operation that fails here is a mistake of its submitter.
func Check(op diskfs.Op) error {
	switch op.Kind {
	case diskfs.Open:
		if op.Flags&diskfs.Exclusive != 0 && op.Flags&diskfs.Create == 0 {
			return errors.New("flag Exclusive needs Create")
		}
		return checkName(op.Path)
	case diskfs.Mkdir, diskfs.Remove, diskfs.RemoveAll, diskfs.Lock:
		return checkName(op.Path)
	case diskfs.Rename:
		if err := checkName(op.Path); err != nil {
			return err
		}
		return checkName(op.To)
	case diskfs.List, diskfs.SyncDir:
		return checkPath(op.Path)
	case diskfs.Read, diskfs.Write, diskfs.WriteSync, diskfs.Truncate, diskfs.Allocate:
		if op.Offset < 0 || op.Size < 0 || op.Offset+op.Size < 0 ||
			op.Offset+int64(len(op.Data)) < 0 {
			return fmt.Errorf("range out of bounds: offset %d size %d", op.Offset, op.Size)
		}
	case diskfs.Close, diskfs.Sync, diskfs.SyncFS, diskfs.Space:
	default:
		return fmt.Errorf("unknown kind %d", op.Kind)
	}
	return nil
}

// checkName is checkPath for a name to create, move or remove: it may not be
// the root.
func checkName(path string) error {
	if path == "." {
		return errors.New("the root is not a name")
	}
	return checkPath(path)
}

// checkPath accepts exactly one spelling of each path below the root.
func checkPath(path string) error {
	if path == "." {
		return nil
	}
	for part := range strings.SplitSeq(path, "/") {
		if part == "" || part == "." || part == ".." || strings.ContainsRune(part, 0) {
			return fmt.Errorf("invalid path %q", path)
		}
	}
	return nil
}

// Wrap adds operation and path to a failure. path is that of op, or of its
// handle.
func Wrap(op diskfs.Op, path string, err error) error {
	switch {
	case err == nil:
		return nil
	case op.Kind == diskfs.Rename:
		return fmt.Errorf("diskfs: rename %s to %s: %w", path, op.To, err)
	case path == "" && UsesHandle(op.Kind):
		return fmt.Errorf("diskfs: %s handle %d: %w", op.Kind, op.Handle, err)
	case path == "":
		return fmt.Errorf("diskfs: %s: %w", op.Kind, err)
	}
	return fmt.Errorf("diskfs: %s %s: %w", op.Kind, path, err)
}

// Completion returns the completion of op, with the echoed fields set.
func Completion(op diskfs.Op, err error) diskfs.Completion {
	return diskfs.Completion{
		Kind: op.Kind, Owner: op.Owner, Token: op.Token,
		Handle: op.Handle, Path: op.Path, Data: op.Data, Err: err,
	}
}
