// Package virtual is the disk contract of package diskfs inside the simulator:
// one thread, virtual time, no goroutines. Its disk does everything that the
// contract permits, and worse if a fault says so.
//
// An [FS] is the disk of one machine and outlives its processes. A [Process] is
// one incarnation of a node; each of its loops takes a [Disk] from it, with the
// sink of that loop. [FS.Crash] cuts the power, [Process.Kill] ends one process.
//
// # Model
//
// File content is kept per sector: what the medium holds (base), the versions
// written since, which may or may not have reached it, and what reads see
// (live). Sectors full of zeros are not stored, so an Allocate of 64 MiB costs
// almost nothing, and a sync or a crash costs only what is dirty. The size of a
// file has versions in the same way. Names have versions per directory; a name
// points at an inode, so that content and name are lost or kept independently.
//
// An operation takes effect at one moment, just before its completion; a crash
// may leave part of what was in flight.
//
// # Honest within the contract
//
// At a crash each unsynced sector is the last durable version, a later one, or
// a byte-wise mixture of two (anything under Options.Ruin); each unsynced name
// is old or new. These rules connect them:
//   - a rename is atomic: exactly one of the two names, and syncing either
//     directory syncs both sides;
//   - a file never vanishes because a directory around it was lost, or was
//     removed out of order: a rename into a new directory makes that
//     directory's name durable too, and the removal of a directory does so for
//     what was moved out of it;
//   - cutting a file short is one step: sectors beyond the cut follow the size.
//
// # Faults
//
// See [FS.Inject], [FS.Stall], [FS.Slow], [FS.SetCapacity] and [FS.Rot]. A rule
// chooses operations by kind and path, never by a count of all events of the
// run. [FS.Injected] lists each fault that happened.
//
// # Ownership
//
// Op.Data is read when the operation takes effect. The disk checks that it has
// not changed since Submit and panics if it has (obligation 3).
//
// # Queues and bandwidth
//
// A Disk has the queues and workers of a real one (package rules). All that
// execute on a machine share Options.BytesPerSecond: an operation gets its share
// as of the moment in which it begins to execute.
//
// # Not modelled
//
// The order in which a device serves requests, holes in the space accounting (a
// file occupies its size), permissions, links.
package virtual
