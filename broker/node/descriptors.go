package node

import (
	"cmp"
	"fmt"

	"example.com/lockstep/broker/partition"
)

// Descriptors says what a node uses the descriptors for that its process may have (RLIMIT_NOFILE).
// Each use has a bound, so that none takes what another needs: if clients or partitions had used
// them up, the node could neither write its logs nor reach the others.
type Descriptors struct {
	Reserved int // see Config.reserved
	// OpenFiles are files of partitions, of each shard (limits.OpenFiles).
	OpenFiles int
	Clients   int // for client connections: what is left
}

const (
	// descriptorsOfProcess are for the standard streams, the runtime, profiles, and connections
	// of operators.
	descriptorsOfProcess = 32
	// descriptorsOfDisk: one loop has its data directory open, and has as many directories open
	// for a moment as system calls run (osfs.Options).
	descriptorsOfDisk = 8
	listeners         = 4
	// peersReserved: the links to so many other nodes are counted at least. Brokers that are no
	// voters come and go.
	peersReserved = 8
	// controlFiles are the lock, and the snapshot, layout and format file.
	controlFiles = 4
	// clientsLeast is the smallest number of client connections that a node starts with.
	clientsLeast = 16
	// compactBytes is Raft's default (meta.RaftConfig).
	compactBytes = 64 << 20
	// openFilesShare: partitions get at most this part of what is not reserved, in percent.
	openFilesShare = 40
)

// reserved is the number of descriptors that neither clients nor partitions may use: those of the
// logs, listeners, links to other nodes, and of the process.
func (c *Config) reserved() int {
	peers := max(len(c.Voters)-1, peersReserved)
	links := 2 * peers * (1 + c.Shards) // dialled here, and accepted
	return controlFiles + c.controlLogFiles() + c.Shards*c.ShardWAL.Files() +
		(1+c.Shards)*descriptorsOfDisk + listeners + links + descriptorsOfProcess
}

// controlLogFiles is the number of files of the control log. Raft bounds that log, not its budget:
// while a snapshot is made, as much again is appended.
func (c *Config) controlLogFiles() int {
	entries := 2*cmp.Or(c.Raft.CompactBytes, compactBytes) + c.Raft.RetainBytes
	return c.ControlWAL.Files() + int(entries/uint64(c.ControlWAL.SegmentBytes))
}

// Descriptors divides a limit. It returns an error if the limit is too small for the node.
func (c *Config) Descriptors(limit int) (Descriptors, error) {
	d := Descriptors{Reserved: c.reserved()}
	least := d.Reserved + c.Shards*partition.FilesOfTask + clientsLeast
	if limit < least {
		return d, fmt.Errorf("the limit of open files is %d, and this node with %d shards needs "+
			"at least %d; raise it (ulimit -n, or LimitNOFILE in the unit file)",
			limit, c.Shards, least)
	}
	left := limit - d.Reserved
	share := min(left*openFilesShare/100, left-clientsLeast) / c.Shards
	d.OpenFiles = min(max(share, partition.FilesOfTask), c.Limits.OpenFiles)
	d.Clients = limit - d.Reserved - c.Shards*d.OpenFiles
	return d, nil
}
