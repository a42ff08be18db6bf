// Package virtual is the disk contract of package diskfs inside the simulator:
// one thread, virtual time, no goroutines, and a disk that does everything the
// contract permits, or worse if it is told to.
//
// An [FS] is the disk of one machine and outlives its processes. A [Process] is
// one incarnation of a node; each of its loops takes a [Disk] from it, with the
// sink of that loop. [FS.Crash] cuts the power, [Process.Kill] ends one process.
//
// # Model
//
// File content is kept per sector: what the medium holds (base), the versions
// written since that may or may not have reached it, and what reads see (live).
// Sectors full of zeros are not stored, so an Allocate of 64 MiB costs next to
// nothing, and a sync or a crash costs what is dirty. The size of a file has
// versions in the same way. Names have them per directory; a name points at an
// inode, so that content and name are lost or kept apart.
//
// An operation takes effect at one moment between Submit and completion, namely
// just before the completion; a crash may leave part of what was in flight.
//
// # Honest within the contract
//
// At a crash each unsynced sector is the last durable version, a later one, or
// a byte-wise mixture of two (anything under Options.Ruin); each unsynced name is
// old or new. What ties them:
//   - a rename is atomic: exactly one of the two names, and syncing either
//     directory syncs both sides;
//   - a file never vanishes because a directory around it was lost or removed out
//     of turn: a rename into a new directory carries that directory's name along,
//     and the removal of a directory carries what was moved out of it;
//   - cutting a file short is one step: sectors beyond the cut follow the size.
//
// # Faults
//
// See [FS.Inject], [FS.Stall], [FS.Slow], [FS.SetCapacity] and [FS.Rot]. They are
// keyed by what they hit (kind of operation and path), never by a count of
// events of the run, and each one that strikes is in [FS.Injected].
//
// # Ownership
//
// Op.Data is read when the operation takes effect. The disk checks that it has
// not changed since Submit and panics if it has (obligation 3).
//
// # Not modelled
//
// A queue or shared bandwidth of the device, holes in the space accounting (a
// file occupies its size), permissions, links.
package virtual
