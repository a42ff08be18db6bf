package node

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/meta"
	"example.com/lockstep/broker/wire/peer"
	"example.com/lockstep/diskfs"
)

// The data directory of a node:
//
//	lock                 held while a process uses the directory
//	format               the node and cluster that the directory belongs to, see below
//	birth                the birth of the cluster, see birth.go
//	starts               how often the directory was started, see starts.go
//	layout               how many shards wrote the WALs in it, see layout.go
//	control/             the control loop: its WAL (wal/) and its snapshots
//	shard-<n>/           the WAL of shard n
//	partitions/          one directory per partition
//
// The format file is text, one "key=value" a line. It is written once:
//
//	format.version=2
//	cluster.id=<32 hex digits>
//	node.id=<decimal>
//	directory.id=<32 hex digits>    random: it names this directory (PROTOCOL 4a)
const (
	lockFile      = "lock"
	formatFile    = "format"
	layoutFile    = "layout"
	controlDir    = "control"
	controlWALDir = controlDir + "/wal"
	partitionsDir = "partitions"
	shardPrefix   = "shard-"
	formatVersion = "2"
)

func shardDir(shard int) string { return shardPrefix + strconv.Itoa(shard) }

// prepareDirectory returns the steps that lock the data directory, check or write its format
// and layout files, and make its directories durable.
func (c *Control) prepareDirectory() *sequence {
	s := &sequence{steps: []step{{diskfs.Op{Kind: diskfs.Lock, Path: lockFile}, must}}}
	s.steps = append(s.steps, c.readOrWrite(formatFile, func() string {
		c.directory = c.newDirectory()
		return formatText(&c.cfg, c.directory)
	}, func(_ *sequence, text string) (err error) {
		c.directory, err = checkFormat(&c.cfg, text)
		return err
	})...)
	s.steps = append(s.steps, c.readBirth()...)
	s.steps = append(s.steps, c.countStart()...)
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

// newDirectory draws the id of a new directory.
func (c *Control) newDirectory() (id peer.UUID) {
	random := c.host.Entropy("control", "directory")
	for meta.RaftID(id) == 0 {
		random.Fill(id[:])
	}
	return id
}

// readBirth returns the steps that read the birth file, if there is one.
func (c *Control) readBirth() []step {
	read := readFile(birthFile, c.newHandle(), func(_ *sequence, data []byte) (err error) {
		c.birth, err = parseBirth(string(data))
		return err
	})
	opened := read[0].check
	read[0].check = func(s *sequence, d diskfs.Completion) error {
		if errors.Is(d.Err, diskfs.ErrNotExist) {
			return nil
		}
		return opened(s, d)
	}
	return read
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

func formatText(cfg *Config, directory peer.UUID) string {
	return fmt.Sprintf("format.version=%s\ncluster.id=%s\nnode.id=%d\ndirectory.id=%s\n",
		formatVersion, hex.EncodeToString(cfg.Cluster[:]), cfg.Node,
		hex.EncodeToString(directory[:]))
}

// checkFormat returns the directory id. It refuses a directory that belongs to another node or
// cluster, or that another version wrote.
func checkFormat(cfg *Config, text string) (directory peer.UUID, err error) {
	var cluster peer.UUID
	var id kafka.NodeID
	version := ""
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch key {
		case "format.version":
			version = value
		case "cluster.id":
			cluster, err = parseUUID(value)
		case "directory.id":
			directory, err = parseUUID(value)
		case "node.id":
			var n int64
			n, err = strconv.ParseInt(value, 10, 32)
			id = kafka.NodeID(n)
		}
		if err != nil {
			return directory, fmt.Errorf("format file: bad %s %q", key, value)
		}
	}
	switch {
	case version != formatVersion:
		return directory, fmt.Errorf("format file: version %q, this program reads version %s",
			version, formatVersion)
	case cluster != cfg.Cluster:
		return directory, fmt.Errorf("data directory belongs to cluster %s, not to %s",
			hex.EncodeToString(cluster[:]), hex.EncodeToString(cfg.Cluster[:]))
	case id != cfg.Node:
		return directory, fmt.Errorf("data directory belongs to node %d, not to node %d",
			id, cfg.Node)
	case meta.RaftID(directory) == 0:
		return directory, errors.New("format file: no directory.id")
	}
	return directory, nil
}
