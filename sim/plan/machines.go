package plan

import (
	"time"

	"example.com/lockstep/broker/env"
)

// Network is what a plan says about its network. A field that is 0 has the value of a data centre
// (netsim/virtual).
type Network struct {
	Latency   Duration `yaml:"latency,omitempty" json:"latency,omitempty"`
	Jitter    Duration `yaml:"jitter,omitempty" json:"jitter,omitempty"`
	Bandwidth int64    `yaml:"bandwidth,omitempty" json:"bandwidth,omitempty"` // bytes/s
	// Patience is how long a sender on a cut link waits for an acknowledgement before its
	// connection dies.
	Patience Range `yaml:"patience,omitempty" json:"patience"`
	// Connect is how long a dial waits for a host that does not answer.
	Connect Range `yaml:"connect,omitempty" json:"connect"`
	// Chopped is how many of 1000 packets are cut at random places.
	Chopped int `yaml:"chopped,omitempty" json:"chopped,omitempty"`
}

// Disk is what a plan says about its disks. The times of syncs have the values of a good SSD where
// they are 0 (diskfs/virtual).
type Disk struct {
	Sync       Duration `yaml:"sync,omitempty" json:"sync,omitempty"`
	SyncJitter Duration `yaml:"sync_jitter,omitempty" json:"sync_jitter,omitempty"`
	// One in SpikeOneIn syncs takes longer by Spike.
	SpikeOneIn uint64   `yaml:"spike_one_in,omitempty" json:"spike_one_in,omitempty"`
	Spike      Duration `yaml:"spike,omitempty" json:"spike,omitempty"`
	// Removal is how long the removal of one file takes.
	Removal Duration `yaml:"removal,omitempty" json:"removal,omitempty"`
	// Bandwidth is what the disk moves at most, shared by all operations; 0: it has no limit.
	Bandwidth int64 `yaml:"bandwidth,omitempty" json:"bandwidth,omitempty"` // bytes/s
	// Workers is how many operations of each queue of a loop execute at the same time; 0: as in
	// production.
	Workers int `yaml:"workers,omitempty" json:"workers,omitempty"`
	// Capacity is the size of the disk in bytes; 0: it has no limit.
	Capacity int64 `yaml:"capacity,omitempty" json:"capacity,omitempty"`
	// RuinousCrash: a sector that was being written when the power failed may hold anything. Only
	// the WAL promises to survive that. Partitions do not: their segments append in the middle of
	// sectors that hold older records.
	RuinousCrash bool `yaml:"ruinous_crash,omitempty" json:"ruinous_crash,omitempty"`
	// WholeCrash: a sector is never torn in a crash.
	WholeCrash bool `yaml:"whole_crash,omitempty" json:"whole_crash,omitempty"`
}

// DrawNetwork draws a network, from one in a rack to one across a continent.
func DrawNetwork(r *env.Rand) Network {
	latency := []time.Duration{20 * time.Microsecond, 100 * time.Microsecond, time.Millisecond,
		20 * time.Millisecond}[r.IntN(4)]
	patience := Duration(r.Between(1, 60)) * Duration(time.Second)
	connect := Duration(r.Between(1, 20)) * Duration(time.Second)
	return Network{
		Latency: Duration(latency), Jitter: Duration(latency) * Duration(1+r.IntN(8)),
		Bandwidth: 1 << (24 + r.IntN(8)),
		Patience:  Range{patience / 2, patience * 2}, Connect: Range{connect / 2, connect},
		Chopped: r.IntN(600),
	}
}

// DrawDisk draws a disk, from a fast one to a slow one with long pauses.
func DrawDisk(r *env.Rand) Disk {
	sync := []time.Duration{100 * time.Microsecond, 500 * time.Microsecond, 2 * time.Millisecond,
		10 * time.Millisecond}[r.IntN(4)]
	d := Disk{Sync: Duration(sync), SyncJitter: Duration(sync) * Duration(1+r.IntN(4)),
		WholeCrash: r.Chance(1, 4)}
	if r.Chance(1, 2) {
		d.SpikeOneIn, d.Spike = 20+r.Uint64N(1000),
			Duration(r.Between(1, 300))*Duration(time.Millisecond)
	}
	if sync == 10*time.Millisecond { // one that spins
		d.Removal, d.Bandwidth, d.Workers = Duration(5*time.Millisecond), 100<<20, 1
	}
	return d
}
