package node

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"lockstep/broker/kafka"
	"lockstep/broker/wire/peer"
	"lockstep/diskfs"
)

// The data directory of a node:
//
//	lock                 held while a process uses the directory
//	format               who the directory belongs to, see below
//	control/             the control loop: its WAL and its snapshots
//	shard-<n>/           the WAL of shard n
//	partitions/          one directory per partition, <topic id>-<partition>
//
// The format file is text, one "key=value" a line, written once:
//
//	format.version=1
//	cluster.id=<32 hex digits>
//	node.id=<decimal>
const (
	lockFile      = "lock"
	formatFile    = "format"
	formatTemp    = "format.tmp"
	controlDir    = "control"
	partitionsDir = "partitions"
	formatVersion = "1"
	formatMax     = 4096 // bytes read of the format file
)

// boot prepares the data directory, one operation at a time: lock it, check or
// write its format file, make its directories durable.
type boot struct {
	steps []bootStep
	at    int
	disk  func(diskfs.Op)
	files diskfs.Handle // handle of the format file
	found []byte
	done  bool
	// wals are the shard WALs that were found.
	wals int
}

// bootStep is an operation and what to do with its completion; nil errors only
// reach check unless it is told about errors.
type bootStep struct {
	op    diskfs.Op
	check func(b *boot, c diskfs.Completion) error
}

func newBoot(cfg *Config, submit func(diskfs.Op), handle diskfs.Handle) *boot {
	b := &boot{disk: submit, files: handle}
	fail := func(_ *boot, c diskfs.Completion) error { return c.Err }
	b.steps = []bootStep{
		{diskfs.Op{Kind: diskfs.Lock, Path: lockFile}, fail},
		{diskfs.Op{Kind: diskfs.Open, Path: formatFile, Handle: handle}, func(b *boot, c diskfs.Completion) error {
			if errors.Is(c.Err, diskfs.ErrNotExist) {
				b.insert(writeFormat(cfg, handle+1))
				return nil
			}
			if c.Err != nil {
				return c.Err
			}
			b.insert([]bootStep{
				{diskfs.Op{Kind: diskfs.Read, Handle: handle, Data: make([]byte, formatMax)}, func(b *boot, c diskfs.Completion) error {
					if c.Err != nil {
						return c.Err
					}
					return checkFormat(cfg, string(c.Data[:c.N]))
				}},
				{diskfs.Op{Kind: diskfs.Close, Handle: handle}, fail},
			})
			return nil
		}},
	}
	for _, dir := range []string{controlDir, partitionsDir} {
		b.steps = append(b.steps, bootStep{diskfs.Op{Kind: diskfs.Mkdir, Path: dir}, func(_ *boot, c diskfs.Completion) error {
			if errors.Is(c.Err, diskfs.ErrExist) {
				return nil
			}
			return c.Err
		}})
	}
	b.steps = append(b.steps,
		bootStep{diskfs.Op{Kind: diskfs.SyncDir, Path: "."}, fail},
		bootStep{diskfs.Op{Kind: diskfs.List, Path: "."}, func(b *boot, c diskfs.Completion) error {
			for _, e := range c.Entries {
				if strings.HasPrefix(e.Name, shardPrefix) {
					b.wals++
				}
			}
			return c.Err
		}},
	)
	return b
}

// shardPrefix begins the names of the shards' WAL directories.
const shardPrefix = "shard-"

func shardDir(shard int) string { return shardPrefix + strconv.Itoa(shard) }

// insert puts steps right after the present one.
func (b *boot) insert(steps []bootStep) {
	rest := append(steps, b.steps[b.at+1:]...)
	b.steps = append(b.steps[:b.at+1:b.at+1], rest...)
}

// start submits the first operation.
func (b *boot) start() { b.disk(b.steps[0].op) }

// completed takes the completion of the present step and submits the next.
func (b *boot) completed(c diskfs.Completion) error {
	if err := b.steps[b.at].check(b, c); err != nil {
		return fmt.Errorf("node: prepare data directory: %w", err)
	}
	if b.at++; b.at == len(b.steps) {
		b.done = true
		return nil
	}
	b.disk(b.steps[b.at].op)
	return nil
}

// writeFormat are the steps that make the format file, whole or not at all.
func writeFormat(cfg *Config, handle diskfs.Handle) []bootStep {
	fail := func(_ *boot, c diskfs.Completion) error { return c.Err }
	text := fmt.Sprintf("format.version=%s\ncluster.id=%s\nnode.id=%d\n", formatVersion, hex.EncodeToString(cfg.Cluster[:]), cfg.Node)
	return []bootStep{
		{diskfs.Op{Kind: diskfs.Open, Path: formatTemp, Handle: handle, Flags: diskfs.Create}, fail},
		{diskfs.Op{Kind: diskfs.Truncate, Handle: handle}, fail},
		{diskfs.Op{Kind: diskfs.Write, Handle: handle, Data: []byte(text)}, fail},
		{diskfs.Op{Kind: diskfs.Sync, Handle: handle}, fail},
		{diskfs.Op{Kind: diskfs.Close, Handle: handle}, fail},
		{diskfs.Op{Kind: diskfs.Rename, Path: formatTemp, To: formatFile}, fail},
		{diskfs.Op{Kind: diskfs.SyncDir, Path: "."}, fail},
	}
}

// checkFormat refuses a directory that belongs to another node or cluster, or
// that a newer version wrote.
func checkFormat(cfg *Config, text string) error {
	var cluster peer.UUID
	var id kafka.NodeID
	version := ""
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch key {
		case "format.version":
			version = value
		case "cluster.id":
			if n, err := hex.Decode(cluster[:], []byte(value)); err != nil || n != len(cluster) {
				return fmt.Errorf("format file: bad cluster.id %q", value)
			}
		case "node.id":
			n, err := strconv.ParseInt(value, 10, 32)
			if err != nil {
				return fmt.Errorf("format file: bad node.id %q", value)
			}
			id = kafka.NodeID(n)
		}
	}
	switch {
	case version != formatVersion:
		return fmt.Errorf("format file: version %q, this program reads version %s", version, formatVersion)
	case cluster != cfg.Cluster:
		return fmt.Errorf("data directory belongs to cluster %s, not to %s", hex.EncodeToString(cluster[:]), hex.EncodeToString(cfg.Cluster[:]))
	case id != cfg.Node:
		return fmt.Errorf("data directory belongs to node %d, not to node %d", id, cfg.Node)
	}
	return nil
}
