// Corelint checks the rules that keep the core deterministic (PROTOCOL 36 of
// docs/protocol.md), and the directions of imports.
//
//	go run ./cmd/corelint [-tags list] [packages]
//
// prints one line per violation and ends with status 1 if there are any. The
// packages are ./... by default. `go test ./cmd/corelint` checks the whole
// module as well, so that a plain `go test ./...` enforces the rules.
//
// # What is checked
//
// Core packages are all packages below broker/ except broker/drive and
// broker/loop/looptest, and the contract roots netsim and diskfs, which the
// core imports. In their non-test files:
//
//   - imports are on an allow-list: pure packages of the standard library, and other
//     modules per package;
//   - only allowed names of time and fmt are used, and coverage marks
//     (broker/mark) are written but not read;
//   - there is no go statement, channel, select, print or %p;
//   - there is no range over a map, and no floating point in struct fields and
//     package variables.
//
// For files that build tags leave out, only the rules that need no types are
// checked; run with -tags to check the others.
//
// The core, the simulator, the checker and the planted bugs are rooms
// (rooms.go): each package of a room lists what it may import of our own
// packages. The checker's list binds its test files too. No package outside cmd
// imports cmd, not even in test files. Only cmd and test files import the real
// network, the real disk or broker/drive.
//
// The rules are allow-lists, because a list of forbidden names always misses
// some (math/rand/v2, hash/maphash, unique, maps.Keys, time.Since). The lists
// are in rooms.go and rules.go. Transitive imports within the module need no
// rule of their own: every package is checked, and a test checks that all
// packages that a core package imports, over any number of steps, are core too.
// Other modules are trusted once they are listed.
//
// # Escapes
//
// Two rules may be waived, with the reason, on the line of the violation or the
// line before:
//
//	//corelint:ordered the loop only counts, so the order is not seen
//	//corelint:float   shown to operators only, never compared
//
// An escape without a reason, or one that waives nothing, is a violation.
//
// # Why it loads packages itself
//
// The drivers of x/tools (singlechecker, analysistest) need modules that ours
// does not require. The analyzer is an ordinary analysis.Analyzer. It needs
// only files and export data, for which load.go asks the go command.
package main
