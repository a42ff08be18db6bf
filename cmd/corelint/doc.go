// Corelint holds the code to the rules that keep the core deterministic (PROTOCOL
// 36 of docs/protocol.md) and the import directions intact.
//
//	go run ./cmd/corelint [-tags list] [packages]
//
// prints one line per violation and ends with status 1 if there are any. The
// packages are ./... by default. `go test ./cmd/corelint` checks the whole
// module as well, so that a plain `go test ./...` enforces the rules.
//
// # What is checked
//
// Core packages are everything below broker/ but broker/drive, and the contract
// roots netsim and diskfs, which the core imports. In their non-test files:
//
//   - imports are on an allow-list: pure packages of the standard library, and other
//     modules per package;
//   - of time and fmt only allowed names are used, and coverage marks
//     (broker/mark) are written and not read;
//   - there is no go statement, channel, select, print, and no %p;
//   - no range over a map; no floating point in struct fields and package variables.
//
// Files that build tags leave out are held to the rules that need no types; run
// with -tags to check the rest of them.
//
// The core, the simulator, the checker and the planted bugs are rooms (rooms.go):
// each package of a room lists what it may import of our own packages. For the
// checker this holds in test files too. Everywhere, test files included, nothing
// imports cmd. Outside cmd and test files nothing imports the real network, the
// real disk or broker/drive.
//
// It works by allow-list, since a list of what is forbidden always misses one
// (math/rand/v2, hash/maphash, unique, maps.Keys, time.Since). The lists stand in
// rooms.go and rules.go. Transitive imports within the module need no rule of their own: every
// package is checked, and a test holds that whatever a core package imports over
// any number of steps is core itself. Other modules are trusted once they are listed.
//
// # Escapes
//
// Two rules may be waived where they strike, with the reason, on the line or the
// line before:
//
//	//corelint:ordered the loop only counts, so the order is not seen
//	//corelint:float   shown to operators only, never compared
//
// An escape without a reason, or one that waives nothing, is a violation itself.
//
// # Why it loads packages itself
//
// The drivers of x/tools (singlechecker, analysistest) need modules that ours
// does not require. The analyzer is an ordinary analysis.Analyzer; load.go asks
// the go command for files and export data, which is all that it needs.
package main
