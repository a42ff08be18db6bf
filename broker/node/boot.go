package node

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/wire/peer"
	"example.com/lockstep/diskfs"
)

// The data directory of a node:
//
//	lock                 held while a process uses the directory
//	format               the node and cluster that the directory belongs to, see below
//	layout               how many shards wrote the WALs in it, see layout.go
//	control/             the control loop: its WAL (wal/) and its snapshots
//	shard-<n>/           the WAL of shard n
//	partitions/          one directory per partition
//
// The format file is text, one "key=value" a line. It is written once:
//
//	format.version=1
//	cluster.id=<32 hex digits>
//	node.id=<decimal>
const (
	lockFile      = "lock"
	formatFile    = "format"
	layoutFile    = "layout"
	controlDir    = "control"
	controlWALDir = controlDir + "/wal"
	partitionsDir = "partitions"
	shardPrefix   = "shard-"
	formatVersion = "1"
)

func shardDir(shard int) string { return shardPrefix + strconv.Itoa(shard) }

// prepareDirectory returns the steps that lock the data directory, check or write its format
// and layout files, and make its directories durable.
func (c *Control) prepareDirectory() *sequence {
	s := &sequence{steps: []step{{diskfs.Op{Kind: diskfs.Lock, Path: lockFile}, must}}}
	s.steps = append(s.steps, c.readOrWrite(formatFile, func() string {
		return formatText(&c.cfg)
	}, func(_ *sequence, text string) error {
		return checkFormat(&c.cfg, text)
	})...)
	s.steps = append(s.steps, c.readOrWrite(layoutFile, c.freshLayout, c.takeLayout)...)
	for _, dir := range []string{controlDir, partitionsDir} {
		s.steps = append(s.steps,
			step{diskfs.Op{
				Kind: diskfs.Mkdir, Path: dir,
			}, func(_ *sequence, d diskfs.Completion) error {
				if errors.Is(d.Err, diskfs.ErrExist) {
					return nil
				}
				c.emptyControl = c.emptyControl || dir == controlDir && d.Err == nil
				return d.Err
			}})
	}
	s.steps = append(s.steps,
		step{diskfs.Op{Kind: diskfs.SyncDir, Path: "."}, must},
	)
	return s
}

// readOrWrite returns the steps that check a file, or write it if it is not there.
func (c *Control) readOrWrite(
	name string, fresh func() string, check func(s *sequence, text string) error,
) []step {
	read := readFile(name, c.newHandle(), func(s *sequence, data []byte) error {
		return check(s, string(data))
	})
	opened := read[0].check
	read[0].check = func(s *sequence, d diskfs.Completion) error {
		if errors.Is(d.Err, diskfs.ErrNotExist) {
			s.then(wholeFile(".", name, c.newHandle(), []byte(fresh()))...)
			return nil
		}
		return opened(s, d)
	}
	return read
}

func formatText(cfg *Config) string {
	return fmt.Sprintf("format.version=%s\ncluster.id=%s\nnode.id=%d\n",
		formatVersion, hex.EncodeToString(cfg.Cluster[:]), cfg.Node)
}

// checkFormat refuses a directory that belongs to another node or cluster, or that a newer
// version wrote.
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
			b, err := hex.DecodeString(value)
			if err != nil || len(b) != len(cluster) {
				return fmt.Errorf("format file: bad cluster.id %q", value)
			}
			copy(cluster[:], b)
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
		return fmt.Errorf("format file: version %q, this program reads version %s",
			version, formatVersion)
	case cluster != cfg.Cluster:
		return fmt.Errorf("data directory belongs to cluster %s, not to %s",
			hex.EncodeToString(cluster[:]), hex.EncodeToString(cfg.Cluster[:]))
	case id != cfg.Node:
		return fmt.Errorf("data directory belongs to node %d, not to node %d", id, cfg.Node)
	}
	return nil
}
