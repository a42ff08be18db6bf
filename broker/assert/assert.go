// Package assert holds the always-on assertions: a broken one is a bug of ours,
// never of the input, and stops the node (fail-stop), since a node that goes on
// after its state was found impossible may lose acknowledged data.
package assert

import "fmt"

// Failure is what a failed assertion panics with. The drivers of both worlds
// catch it at the loop's edge, report it and stop the node.
type Failure struct{ Message string }

func (f Failure) Error() string { return "assertion failed: " + f.Message }

// That panics with a [Failure] unless ok. Arguments are evaluated on the hot
// path: pass plain values, not calls that format.
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
