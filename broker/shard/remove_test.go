package shard

import (
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/diskfs"
)

// idleDisk takes operations and ends none.
type idleDisk struct {
	diskfs.Disk
	taken []diskfs.Op
}

func (d *idleDisk) Submit(op diskfs.Op) { d.taken = append(d.taken, op) }

type idleHost struct {
	loop.Host
	disk idleDisk
}

func (h *idleHost) Disk() diskfs.Disk { return &h.disk }

// A Close of the old log ends after the new log has begun operations with the same tokens. It must
// not pass for the end of one of them.
func TestACompletionOfAReplacedLogDoesNotReachTheNewOne(t *testing.T) {
	host := &idleHost{}
	s := New(Config{}, host)
	p := s.addPart(kafka.PartitionID{})
	old := p.owner
	s.restart(p)
	p.log.Delete() // its first operation lists the directory
	first := host.disk.taken[0]
	s.onDisk(&diskfs.Completion{Owner: old, Token: first.Token, Kind: diskfs.Close})
	require.Len(t, host.disk.taken, 1, "the listing has not ended")
	s.onDisk(&diskfs.Completion{Owner: first.Owner, Token: first.Token, Kind: diskfs.List})
	require.Len(t, host.disk.taken, 2)
}
