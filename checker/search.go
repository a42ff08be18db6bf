package checker

import (
	"cmp"
	"slices"

	"github.com/anishathalye/porcupine"
)

// Bounds of one search. They are counts, so that the verdict does not depend on
// the machine. A search that exceeds them is Unknown.
const (
	searchOpsMax   = 1000
	searchStepsMax = 200_000
)

// object is a sequential specification: S is its state, I an operation together
// with what its client was told. An ambiguous operation is given as one that
// never returns. A search may put it after everything else, so "not applied" is
// among the orders that it tries, and no fork is needed.
type object[S, I any] struct {
	step     func(S, I) (bool, S)
	equal    func(S, S) bool
	hash     func(S) uint64
	describe func(I) string
	state    func(S) string
	// alike says whether two operations that never returned are
	// interchangeable; nil: no two are.
	alike func(a, b I) bool
}

// timed is an operation with its interval.
type timed[I any] struct {
	call, ret Moment
	client    int
	input     I
}

// call is an operation in a search. Operations that are alike have the same
// kind, and place is the position among them in the order of calls.
type call[I any] struct {
	input       I
	kind, place int // kind -1: alike to no other
}

// calls finds the operations that are alike. Of two of them, the one called
// first can be placed wherever the other can, so a search only needs to try
// orders that take them in the order of their calls: at any moment n of them
// have n+1 outcomes, not 2^n.
func (o object[S, I]) calls(ops []timed[I]) []call[I] {
	out := make([]call[I], len(ops))
	var first, members []int // by kind: an operation of it, and how many there are
	for i, op := range ops {
		out[i] = call[I]{input: op.input, kind: -1}
		if o.alike == nil || op.ret != Never {
			continue
		}
		kind := slices.IndexFunc(first, func(f int) bool { return o.alike(ops[f].input, op.input) })
		if kind < 0 {
			kind = len(first)
			first, members = append(first, i), append(members, 0)
		}
		out[i].kind, out[i].place = kind, members[kind]
		members[kind]++
	}
	return out
}

// searchState is the object's state and, by kind, how many operations that are
// alike have been taken.
type searchState[S any] struct {
	object S
	taken  string
}

// take counts an operation, and refuses it if an earlier one of its kind is
// missing.
func (s searchState[S]) take(kind, place int) (string, bool) {
	if kind < 0 {
		return s.taken, true
	}
	counts := []rune(s.taken)
	for len(counts) <= kind {
		counts = append(counts, 0)
	}
	if int(counts[kind]) != place {
		return s.taken, false
	}
	counts[kind]++
	return string(counts), true
}

// model makes a Porcupine model that starts in init. gaveUp is set when
// searchStepsMax steps are exceeded; from then on every step fails, so that the
// search ends soon.
func (o object[S, I]) model(init S, gaveUp *bool) porcupine.Model {
	steps := 0
	return porcupine.Model{
		Init: func() any { return searchState[S]{object: init} },
		Step: func(state, input, _ any) (bool, any) {
			if steps++; steps > searchStepsMax {
				*gaveUp = true
				return false, state
			}
			s, c := state.(searchState[S]), input.(call[I])
			taken, ok := s.take(c.kind, c.place)
			if !ok {
				return false, state
			}
			ok, next := o.step(s.object, c.input)
			return ok, searchState[S]{next, taken}
		},
		Equal: func(a, b any) bool {
			x, y := a.(searchState[S]), b.(searchState[S])
			return x.taken == y.taken && o.equal(x.object, y.object)
		},
		Hash:              func(s any) uint64 { return o.hash(s.(searchState[S]).object) },
		DescribeOperation: func(in, _ any) string { return o.describe(in.(call[I]).input) },
		DescribeState:     func(s any) string { return o.state(s.(searchState[S]).object) },
	}
}

// linearize says whether the object allows some order of the operations that
// respects their intervals.
func (o object[S, I]) linearize(init S, ops []timed[I]) Verdict {
	if len(ops) > searchOpsMax {
		return Unknown
	}
	gaveUp := false
	ok := porcupine.CheckOperations(o.model(init, &gaveUp), o.porcupineOps(ops))
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
func (o object[S, I]) porcupineOps(ops []timed[I]) []porcupine.Operation {
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
	calls := o.calls(ops)
	out := make([]porcupine.Operation, 0, len(ops))
	for i, op := range ops {
		out = append(out, porcupine.Operation{
			ClientId: op.client, Input: calls[i], Call: rank(op.call), Return: rank(op.ret),
		})
	}
	return out
}

// sortByCall puts operations in the order in which [quiescent] wants them.
func sortByCall[I any](ops []timed[I]) {
	slices.SortStableFunc(ops, func(a, b timed[I]) int {
		return cmp.Or(a.call.compare(b.call), a.ret.compare(b.ret))
	})
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

// shrinkMax is the longest failing piece that is shrunk.
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
