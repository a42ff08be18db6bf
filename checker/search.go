package checker

import (
	"cmp"
	"slices"

	"github.com/anishathalye/porcupine"
)

// Bounds of one search. They are counts, so that the verdict does not depend on
// the machine; what exceeds them is Unknown.
const (
	searchOpsMax   = 1000
	searchStepsMax = 200_000
)

// object is a sequential specification: S is its state, I an operation together
// with what its client was told. An ambiguous operation is given as one that
// never returns: since a search may put it after everything else, "not applied"
// is among the orders that it tries, and no fork is needed.
type object[S, I any] struct {
	step     func(S, I) (bool, S)
	equal    func(S, S) bool
	hash     func(S) uint64
	describe func(I) string
	state    func(S) string
}

// timed is an operation with its interval.
type timed[I any] struct {
	call, ret Moment
	client    int
	input     I
}

// model makes a Porcupine model that starts in init. gaveUp is set once more
// than searchStepsMax steps were tried; from then on every step fails, so that
// the search folds up soon.
func (o object[S, I]) model(init S, gaveUp *bool) porcupine.Model {
	steps := 0
	return porcupine.Model{
		Init: func() any { return init },
		Step: func(state, input, _ any) (bool, any) {
			if steps++; steps > searchStepsMax {
				*gaveUp = true
				return false, state
			}
			ok, next := o.step(state.(S), input.(I))
			return ok, next
		},
		Equal:             func(a, b any) bool { return o.equal(a.(S), b.(S)) },
		Hash:              func(s any) uint64 { return o.hash(s.(S)) },
		DescribeOperation: func(in, _ any) string { return o.describe(in.(I)) },
		DescribeState:     func(s any) string { return o.state(s.(S)) },
	}
}

// linearize says whether some order of the operations that respects their
// intervals is one that the object allows.
func (o object[S, I]) linearize(init S, ops []timed[I]) Verdict {
	if len(ops) > searchOpsMax {
		return Unknown
	}
	gaveUp := false
	ok := porcupine.CheckOperations(o.model(init, &gaveUp), porcupineOps(ops))
	switch {
	case ok:
		return Pass
	case gaveUp:
		return Unknown
	}
	return Fail
}

// porcupineOps replaces moments by their ranks. Porcupine puts calls before
// returns of the same time, so equal moments stay concurrent.
func porcupineOps[I any](ops []timed[I]) []porcupine.Operation {
	var moments []Moment
	for _, op := range ops {
		moments = append(moments, op.call, op.ret)
	}
	slices.SortFunc(moments, Moment.compare)
	moments = slices.Compact(moments)
	rank := func(m Moment) int64 {
		i, _ := slices.BinarySearchFunc(moments, m, Moment.compare)
		return int64(i)
	}
	out := make([]porcupine.Operation, 0, len(ops))
	for _, op := range ops {
		out = append(out, porcupine.Operation{ClientId: op.client, Input: op.input, Call: rank(op.call), Return: rank(op.ret)})
	}
	return out
}

// sortByCall puts operations in the order in which [quiescent] wants them.
func sortByCall[I any](ops []timed[I]) {
	slices.SortStableFunc(ops, func(a, b timed[I]) int { return cmp.Or(a.call.compare(b.call), a.ret.compare(b.ret)) })
}

// quiescent cuts sorted operations wherever nothing is pending.
func quiescent[I any](ops []timed[I]) [][]timed[I] {
	var out [][]timed[I]
	start := 0
	var latest Moment
	for i, op := range ops {
		if i > start && latest.Before(op.call) {
			out = append(out, ops[start:i:i])
			start = i
		}
		if i == start || latest.Before(op.ret) {
			latest = op.ret
		}
	}
	if start < len(ops) {
		out = append(out, ops[start:])
	}
	return out
}

// shrinkMax is the longest failing piece that is worth shrinking.
const shrinkMax = 60

// shrink drops pure reads from a failing piece for as long as it still fails;
// what is left shows the contradiction.
func (o object[S, I]) shrink(init S, ops []timed[I], isRead func(I) bool) []timed[I] {
	if len(ops) > shrinkMax {
		return ops
	}
	for i := len(ops) - 1; i >= 0; i-- {
		if !isRead(ops[i].input) {
			continue
		}
		fewer := slices.Delete(slices.Clone(ops), i, i+1)
		if o.linearize(init, fewer) == Fail {
			ops = fewer
		}
	}
	return ops
}
