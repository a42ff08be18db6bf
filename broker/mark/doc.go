// Package mark counts coverage marks: named places of the broker that a
// campaign of the simulator must reach. A fault that is injected proves nothing
// if the code that answers it never ran; a mark that no seed hits fails the
// campaign, but for a few that it is not asked for (see [Demanded]).
//
// # Contract
//
// The core only writes: it calls [Hit] and reads nothing back, so that a mark
// cannot influence a run (cmd/corelint enforces it). Marks stand on rare paths,
// where an atomic addition costs nothing that matters; in production loops of
// several goroutines hit them. [All] knows every mark without running anything.
//
// Counts belong to the process. The simulator, which has one world in a
// process at a time, calls [Reset] before a run and [Counts] after it.
//
// # A new mark
//
// A constant and a line of the table in table.go, and a call of Hit where it
// happens. A test checks that each mark has a place in the code.
package mark
