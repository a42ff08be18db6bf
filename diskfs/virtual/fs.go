package virtual

import (
	"time"

	"github.com/tidwall/btree"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/diskfs"
	"example.com/lockstep/diskfs/internal/rules"
)

// Scheduler is the simulator's queue of events. Events at the same time run in
// the order in which they were scheduled, or in one that the seed decides.
type Scheduler interface {
	Now() env.Instant
	// At runs fn at a time not before Now; what labels the event in traces.
	At(at env.Instant, what string, fn func())
}

// Cost is how long one kind of work takes: Base, plus up to Jitter, plus the
// bytes at BytesPerSecond (0: they cost nothing). One in SpikeOneIn (0: none)
// takes Spike longer.
type Cost struct {
	Base, Jitter   time.Duration
	BytesPerSecond int64
	SpikeOneIn     uint64
	Spike          time.Duration
}

// Options describe a machine's disk. The zero value is an SSD without a limit
// of space; a crash may tear its sectors.
type Options struct {
	// Names: operations on paths; Remove: each file that is removed. A WriteSync
	// costs Write and Sync.
	Read, Write, Sync, Names, Remove Cost
	// BytesPerSecond is what the device moves at most, shared by all that
	// execute; 0 means no limit.
	BytesPerSecond int64
	// Workers is how many operations of each queue of a Disk execute at the same
	// time; 0: as in production.
	Workers  int
	Capacity int64 // bytes; 0 means no limit
	NoTear   bool  // a crash keeps or loses sectors whole
	// A crash may leave anything in a sector that was written and not synced,
	// and lose its older content.
	Ruin bool
}

// DefaultOptions has the costs that replace zero costs in Options.
var DefaultOptions = Options{
	Read: Cost{
		Base: 60 * time.Microsecond, Jitter: 60 * time.Microsecond, BytesPerSecond: 1 << 30,
	},
	Write: Cost{
		Base: 10 * time.Microsecond, Jitter: 30 * time.Microsecond, BytesPerSecond: 1 << 30,
	},
	Sync: Cost{
		Base: 120 * time.Microsecond, Jitter: 200 * time.Microsecond, BytesPerSecond: 1 << 29,
		SpikeOneIn: 500, Spike: 20 * time.Millisecond,
	},
	Names:  Cost{Base: 10 * time.Microsecond, Jitter: 40 * time.Microsecond},
	Remove: Cost{Base: 10 * time.Microsecond, Jitter: 40 * time.Microsecond},
}

func (o Options) withDefaults() Options {
	for _, c := range []struct{ is, def *Cost }{
		{&o.Read, &DefaultOptions.Read}, {&o.Write, &DefaultOptions.Write},
		{&o.Sync, &DefaultOptions.Sync}, {&o.Names, &DefaultOptions.Names},
		{&o.Remove, &DefaultOptions.Remove},
	} {
		if *c.is == (Cost{}) {
			*c.is = *c.def
		}
	}
	return o
}

// FS is the file system of one machine. It outlives processes, and crashes.
type FS struct {
	sched Scheduler
	opts  Options

	latency, choice, crash, fault *env.Rand // one stream for each purpose

	root       *inode
	lastInode  uint64
	seq        uint64 // counts changes; an operation's changes carry its seq
	used       int64  // bytes
	mounted    int    // how often Mount was called
	dirtyFiles btree.Map[uint64, *inode]
	dirtyDirs  btree.Map[uint64, *inode]

	processes []*Process               // alive
	lastOp    uint64                   // counts operations that began
	inFlight  btree.Map[uint64, *call] // in a queue or executing
	moving    int                      // of them, executing and moving bytes
	parked    []*call                  // of them, held up by a stall
	filesIn   string                   // see LimitFiles
	filesMax  int
	mostOpen  int                 // files that one process has had open
	locks     map[uint64]*Process // by inode

	faults
}

// New returns an empty file system. Its random choices come from the streams of
// subsystem "disk". entropy must belong to the machine and not to one
// incarnation, because the file system outlives incarnations.
func New(sched Scheduler, entropy env.Entropy, opts Options) *FS {
	fs := &FS{sched: sched, opts: opts.withDefaults(), locks: make(map[uint64]*Process)}
	fs.streams(entropy)
	fs.root = fs.newInode(true)
	fs.root.users, fs.root.refs = 1, 1
	return fs
}

func (fs *FS) streams(entropy env.Entropy) {
	fs.latency = entropy("disk", "latency")
	fs.choice = entropy("disk", "choice")
	fs.crash = entropy("disk", "crash")
	fs.fault = entropy("disk", "fault")
}

func (fs *FS) newInode(dir bool) *inode {
	fs.lastInode++
	ino := &inode{id: fs.lastInode}
	if dir {
		ino.dir = new(directory)
	}
	return ino
}

// tick returns the sequence number of the next change.
func (fs *FS) tick() uint64 { fs.seq++; return fs.seq }

// Process is one incarnation of a node on the machine.
type Process struct {
	fs    *FS
	dead  bool
	disks []*Disk
	open  int // files that count for the limit, locks included
}

// Start starts a process. Several may run at the same time.
func (fs *FS) Start() *Process {
	p := &Process{fs: fs}
	fs.processes = append(fs.processes, p)
	return p
}

// Disk returns a disk for one loop of the process.
func (p *Process) Disk(sink diskfs.Sink) *Disk {
	d := &Disk{process: p, fs: p.fs, sink: sink}
	d.queues.Most = p.fs.opts.Workers
	p.disks = append(p.disks, d)
	return d
}

// Disk implements [diskfs.Disk]. Once its process is dead, operations vanish.
type Disk struct {
	process *Process
	fs      *FS
	sink    diskfs.Sink
	handles rules.Handles[*inode]
	queues  rules.Queues[*call]
	syncs   int // Sync and SyncFS submitted and not completed
}

// thin says whether versions between the oldest and the newest may be
// forgotten: not while a sync is in flight, because the sync covers a moment in
// the past.
func (fs *FS) thin() bool {
	for _, p := range fs.processes {
		for _, d := range p.disks {
			if d.syncs > 0 {
				return false
			}
		}
	}
	return true
}

// touched notes that a file may have become dirty or clean.
func (fs *FS) touched(f *inode) {
	if f.isDirty() {
		fs.dirtyFiles.Set(f.id, f)
	} else {
		fs.dirtyFiles.Delete(f.id)
	}
}
