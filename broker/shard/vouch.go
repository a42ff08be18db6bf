package shard

import (
	"time"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/limits"
	"example.com/lockstep/diskfs"
)

// DiskDue is when a heartbeat cannot vouch for a loop's disk any more, unless what the disk
// executes has ended by then (PROTOCOL 26); env.Never if nothing can be late.
//
// Only execution counts. A long queue says that the disk is busy, and a busy disk acknowledges: a
// broker that deletes a large topic, or serves a consumer of old records, must not be fenced.
func DiskDue(disk diskfs.Disk, l *limits.Limits) env.Instant {
	due := env.Never
	disk.Executing(func(e diskfs.Execution) {
		if most := executes(e.Kind, l); most > 0 {
			due = min(due, e.Since.Add(most))
		}
	})
	return due
}

// executes is how long an operation may execute on a disk that makes progress; 0: any time. A sync
// of the file system waits for what all processes of the machine have written.
func executes(k diskfs.Kind, l *limits.Limits) time.Duration {
	switch k {
	case diskfs.WriteSync:
		return l.VouchAge
	case diskfs.SyncFS:
		return 0
	}
	return l.SlowOpAge
}
