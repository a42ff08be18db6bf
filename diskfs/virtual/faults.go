package virtual

import (
	"fmt"
	"math"
	"path"
	"slices"
	"strings"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/diskfs"
)

// Effect is a way in which the disk misbehaves.
type Effect uint8

const (
	// FailIO makes an operation fail with ErrIO. A write then leaves a mixture
	// of old and new; a sync forgets pages: reads may still show them, but they
	// never become durable, even if a later sync succeeds.
	FailIO Effect = iota + 1
	// LoseWrite (dishonest) completes a write that never reaches the medium,
	// even if it is synced. Reads see it until the cache is dropped (Evict,
	// Crash).
	LoseWrite
	// MisdirectWrite (dishonest) is LoseWrite, and the bytes overwrite other
	// sectors on the medium.
	MisdirectWrite
	// BitRot (dishonest) flips bits on the medium. See FS.Rot.
	BitRot
	// NoSpace makes an operation fail because the disk is full.
	NoSpace
	// Stalled: operations did not end for a time.
	Stalled
	// Refuse makes an operation fail with ErrUnavailable, as if the process had no
	// descriptor or no permission. It changes nothing.
	Refuse
	// OutOfFiles: as Refuse, since the process has as many files open as it may. See FS.LimitFiles.
	OutOfFiles
)

var effectNames = [...]string{
	FailIO: "EIO", LoseWrite: "lost write", MisdirectWrite: "misdirected write",
	BitRot: "bit rot", NoSpace: "no space", Stalled: "stall", Refuse: "refusal",
	OutOfFiles: "out of files",
}

func (e Effect) String() string { return effectNames[e] }

// Dishonest says whether the contract forbids the effect.
func (e Effect) Dishonest() bool { return e == LoseWrite || e == MisdirectWrite || e == BitRot }

// Kinds is a set of operation kinds; the empty set means all of them.
type Kinds uint32

// KindsOf returns the set of the given kinds.
func KindsOf(kinds ...diskfs.Kind) (set Kinds) {
	for _, k := range kinds {
		set |= 1 << k
	}
	return set
}

// Has says whether k is in the set.
func (s Kinds) Has(k diskfs.Kind) bool { return s == 0 || k < 32 && s&(1<<k) != 0 }

// Sets for stalls and rules.
var (
	Writes = KindsOf(diskfs.Write, diskfs.WriteSync, diskfs.Allocate, diskfs.Truncate)
	Syncs  = KindsOf(diskfs.Sync, diskfs.WriteSync, diskfs.SyncDir, diskfs.SyncFS)
	// NeedFile are the operations for which a process must open something.
	NeedFile = KindsOf(diskfs.Open, diskfs.List, diskfs.SyncDir, diskfs.RemoveAll, diskfs.Lock)
	// NeedPermission are those that a missing permission makes fail.
	NeedPermission = NeedFile | KindsOf(diskfs.Mkdir, diskfs.Rename, diskfs.Remove)
)

// Rule says which operations go wrong.
type Rule struct {
	// FailIO, NoSpace, Refuse, LoseWrite or MisdirectWrite; the latter two hit Write and WriteSync
	// only, and Refuse hits only NeedPermission.
	Effect Effect
	Kinds  Kinds
	Path   string // pattern of path.Match, or a directory ending in "/" for all below; "": all
	Skip   int    // matching operations that are not hit, at first
	Times  int    // operations hit at most; 0 means no limit
	Num    uint64 // each matching one is hit with probability Num/Den; Den 0: always
	Den    uint64
}

// Fault is a fault that happened, for reports and checkers.
type Fault struct {
	Effect   Effect
	At       env.Instant
	Until    env.Instant // Stalled: its end, Never while it lasts
	Op       diskfs.Kind // 0 for bit rot and stalls
	Path     string      // as found at the time; "" if the file has no name
	Offset   int64       // bytes
	Length   int64       // bytes
	ToPath   string      // MisdirectWrite: what was overwritten, Length bytes or less
	ToOffset int64
}

// String describes the fault in one line.
func (f Fault) String() string {
	text := fmt.Sprintf("%d %v", f.At, f.Effect)
	if f.Op != 0 {
		text += " of " + f.Op.String()
	}
	if f.Path != "" {
		text += fmt.Sprintf(" %s [%d, %d)", f.Path, f.Offset, f.Offset+f.Length)
	}
	if f.Effect == MisdirectWrite {
		text += fmt.Sprintf(" to %s at %d", f.ToPath, f.ToOffset)
	}
	if f.Effect == Stalled && f.Until != env.Never {
		text += fmt.Sprintf(" until %d", f.Until)
	}
	return text
}

// faults is the part of FS that holds the faults.
type faults struct {
	rules    []*Rule
	stalls   []stall
	slow     int64
	injected []Fault
}

type stall struct {
	kinds Kinds
	until env.Instant
	fault int // index in injected
}

// Inject adds a rule. It ends when it has hit Times operations, or by remove or
// Heal. For each effect, the first rule that matches decides.
func (fs *FS) Inject(rule Rule) (remove func()) {
	if rule.Effect == LoseWrite || rule.Effect == MisdirectWrite {
		if rule.Kinds == 0 {
			rule.Kinds = Writes
		}
		rule.Kinds &= KindsOf(diskfs.Write, diskfs.WriteSync)
		if rule.Kinds == 0 {
			panic("virtual: a rule about lost writes matches no write")
		}
	}
	if rule.Effect == Refuse {
		if rule.Kinds == 0 {
			rule.Kinds = NeedPermission
		}
		if rule.Kinds &= NeedPermission; rule.Kinds == 0 {
			panic("virtual: a rule about refusals matches no operation")
		}
	}
	added := &rule
	fs.rules = append(fs.rules, added)
	return func() { fs.drop(added) }
}

func (fs *FS) drop(rule *Rule) {
	fs.rules = slices.DeleteFunc(slices.Clone(fs.rules), func(r *Rule) bool { return r == rule })
}

// FailNext makes the next n operations of these kinds on the pattern fail.
func (fs *FS) FailNext(kinds Kinds, path string, n int) {
	fs.Inject(Rule{Effect: FailIO, Kinds: kinds, Path: path, Times: n})
}

// Stall keeps operations of these kinds from ending until a time, or until
// Release. It also holds those that are in flight.
func (fs *FS) Stall(kinds Kinds, until env.Instant) {
	now := fs.sched.Now()
	fs.injected = append(fs.injected, Fault{Effect: Stalled, At: now, Until: until})
	fs.stalls = append(fs.stalls, stall{kinds, until, len(fs.injected) - 1})
	if until != env.Never {
		fs.sched.At(max(until, now), "disk stall ends", fs.unpark)
	}
}

// Release ends all stalls.
func (fs *FS) Release() {
	now := fs.sched.Now()
	for _, s := range fs.stalls {
		fs.injected[s.fault].Until = min(fs.injected[s.fault].Until, now)
	}
	fs.stalls = nil
	fs.unpark()
}

// Stalled reports whether operations of a kind do not end at present.
func (fs *FS) Stalled(k diskfs.Kind) bool { return fs.stalled(k) }

func (fs *FS) stalled(k diskfs.Kind) bool {
	now := fs.sched.Now()
	return slices.ContainsFunc(fs.stalls, func(s stall) bool {
		return now < s.until && s.kinds.Has(k)
	})
}

// unpark lets the operations go on that no stall holds any more.
func (fs *FS) unpark() {
	now := fs.sched.Now()
	fs.stalls = slices.DeleteFunc(fs.stalls, func(s stall) bool { return s.until <= now })
	parked := fs.parked
	fs.parked = nil
	for _, c := range parked {
		switch {
		case c.gone:
		case fs.stalled(c.op.Kind):
			fs.parked = append(fs.parked, c)
		default:
			fs.schedule(c)
		}
	}
}

// Slow makes everything take factor times as long, from the next operation on;
// 1 is normal.
func (fs *FS) Slow(factor int) { fs.slow = int64(max(factor, 1)) }

func (fs *FS) slowFactor() int64 { return max(fs.slow, 1) }

// SetCapacity sets the size of the disk in bytes, 0 for no limit. It may be less
// than what is used.
func (fs *FS) SetCapacity(bytes int64) { fs.opts.Capacity = bytes }

// Used is how many bytes are occupied.
func (fs *FS) Used() int64 { return fs.used }

// Heal ends all stalls, slowness and rules. What is damaged stays damaged, and
// the capacity stays.
func (fs *FS) Heal() {
	fs.rules, fs.slow = nil, 0
	fs.Release()
}

// Injected returns the faults so far, in order. The caller must not change the
// slice.
func (fs *FS) Injected() []Fault { return fs.injected }

// Evict drops the cached content of all files, as memory pressure does: lost
// writes and forgotten pages can no longer be read.
func (fs *FS) Evict() {
	for _, f := range fs.dirtyFiles.Values() {
		f.evict()
		fs.touched(f)
	}
}

// strike says whether an effect hits the operation, and records the fault.
func (fs *FS) strike(effect Effect, c *call) bool {
	for _, rule := range fs.rules {
		if rule.Effect != effect || !rule.Kinds.Has(c.op.Kind) ||
			!matches(rule.Path, fs.callPath(c)) {
			continue
		}
		if rule.Den > 0 && !fs.fault.Chance(rule.Num, rule.Den) {
			return false
		}
		if rule.Skip > 0 {
			rule.Skip--
			return false
		}
		if rule.Times > 0 {
			if rule.Times--; rule.Times == 0 {
				fs.drop(rule)
			}
		}
		if effect != MisdirectWrite { // misdirect records the fault, with its target
			fs.hit(c, effect)
		}
		return true
	}
	return false
}

func matches(pattern, name string) bool {
	if pattern == "" {
		return true
	}
	if strings.HasSuffix(pattern, "/") {
		return strings.HasPrefix(name, pattern)
	}
	ok, err := path.Match(pattern, name)
	if err != nil {
		panic("virtual: bad pattern " + pattern)
	}
	return ok
}

// callPath is where the file of an operation is now.
func (fs *FS) callPath(c *call) string {
	if c.file != nil {
		return fs.pathOf(c.file)
	}
	return c.path
}

// hit records that an operation went wrong.
func (fs *FS) hit(c *call, effect Effect) *Fault {
	length := int64(len(c.op.Data))
	if c.op.Kind == diskfs.Allocate {
		length = c.op.Size
	}
	fs.injected = append(fs.injected,
		Fault{Effect: effect, At: fs.sched.Now(), Until: fs.sched.Now(),
			Op: c.op.Kind, Path: fs.callPath(c), Offset: c.op.Offset, Length: length})
	return &fs.injected[len(fs.injected)-1]
}

// fail lets a failed operation leave what the contract allows.
func (fs *FS) fail(c *call) error {
	switch c.op.Kind {
	case diskfs.Read: // a caller must not use what was read
		fs.fault.Fill(c.op.Data)
	case diskfs.Write, diskfs.WriteSync:
		fits := min(int64(len(c.op.Data)), fs.limit(c.file)-c.op.Offset)
		if fits > 0 {
			fs.change(c.file, func(seq uint64) {
				c.file.storeSome(seq, c.op.Offset, c.op.Data[:fits], fs.fault)
			})
		}
	case diskfs.Sync:
		c.file.forget(fs.seq, fs.fault)
		fs.touched(c.file)
	case diskfs.SyncFS:
		for _, f := range fs.dirtyFiles.Values() {
			f.forget(fs.seq, fs.fault)
			fs.touched(f)
		}
		for _, dir := range fs.dirtyDirs.Values() {
			dir.dir.lost = fs.seq
		}
	case diskfs.SyncDir:
		if dir, err := fs.find(c.op.Path); err == nil && dir.dir != nil {
			dir.dir.lost = fs.seq
		}
	}
	return diskfs.ErrIO
}

// limit is the size that a file can grow to.
func (fs *FS) limit(f *inode) int64 {
	if fs.opts.Capacity == 0 {
		return math.MaxInt64
	}
	return f.space() + max(0, fs.opts.Capacity-fs.used)/sectorSize*sectorSize
}

// free is what Space reports; without a limit it reports a disk of one
// tebibyte.
func (fs *FS) free() int64 {
	capacity := fs.opts.Capacity
	if capacity == 0 {
		capacity = 1 << 40
	}
	return max(0, capacity-fs.used)
}
