// Package mark counts coverage marks: named places of the broker that a campaign of the simulator
// must reach. An injected fault proves nothing if the code that handles it never runs. A mark that
// no seed hits fails the campaign, with a few exceptions (see [Demanded]).
//
// # Contract
//
// The core only writes: it calls [Hit] and reads nothing back, so that a mark cannot influence a
// run (cmd/corelint enforces it). Marks are on rare paths, where an atomic addition is cheap; in
// production loops on several goroutines hit them. [All] lists every mark without a run.
//
// Counts belong to the process. The simulator, which has one world in a
// process at a time, calls [Reset] before a run and [Counts] after it.
//
// # A new mark
//
// Add a constant and a line in table.go, and a call of Hit at the place. A test checks that each
// mark has a place in the code.
package mark
