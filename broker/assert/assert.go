// Package assert holds assertions that are always on. A failed one is a bug of the broker, never of
// its input. It stops the node (fail-stop): a node in an impossible state that goes on may lose
// acknowledged data.
package assert

import "fmt"

// Failure is the value with which a failed assertion panics. The hosts, in production and in
// simulation, catch it where they call the loop, report it and stop the node.
type Failure struct{ Message string }

func (f Failure) Error() string { return "assertion failed: " + f.Message }

// That panics with a [Failure] if ok is false. The caller evaluates the arguments also if ok is
// true, so pass plain values, and no calls that format.
func That(ok bool, format string, args ...any) {
	if !ok {
		panic(Failure{fmt.Sprintf(format, args...)})
	}
}

// NoError panics with a [Failure] if err is not nil.
func NoError(err error, what string) {
	if err != nil {
		panic(Failure{what + ": " + err.Error()})
	}
}
