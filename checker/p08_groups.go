package checker

import (
	"cmp"
	"fmt"
	"slices"
)

// checkGroups is P8: in a generation of a group every partition has one owner,
// a commit of an earlier generation is refused, and the committed offset is a
// linearizable register, so that it goes back only if a client commits that.
func checkGroups(x *index, out *verdictOf) {
	checkOwners(x.h, out)
	checkGenerations(x.h, out)
	checkCommitted(x.h, out)
}

func checkOwners(h *History, out *verdictOf) {
	type claim struct {
		group      string
		generation int32
		partition  Partition
	}
	owner := map[claim]*Assignment{}
	for i := range h.Assignments {
		a := &h.Assignments[i]
		out.judged(1)
		for _, p := range a.Partitions {
			c := claim{a.Group, a.Generation, p}
			if old := owner[c]; old != nil && old.owner() != a.owner() {
				out.fail(Violation{
					Anomaly: TwoOwners, Partition: p, Evidence: lines(old, a),
					Sentence: fmt.Sprintf("%s is owned by members %s and %s of group %s in "+
						"generation %d", p, old.Member, a.Member, a.Group, a.Generation),
				})
			}
			owner[c] = a
		}
	}
}

// checkGenerations: once a member has been told of a generation, the group has
// left all earlier ones.
func checkGenerations(h *History, out *verdictOf) {
	// By group, by moment: the assignments that raised the generation.
	told := map[string][]*Assignment{}
	for i := range h.Assignments {
		told[h.Assignments[i].Group] = append(told[h.Assignments[i].Group], &h.Assignments[i])
	}
	for group, all := range told {
		sortByMoment(all)
		rising := all[:0]
		for _, a := range all {
			if len(rising) == 0 || a.Generation > rising[len(rising)-1].Generation {
				rising = append(rising, a)
			}
		}
		told[group] = rising
	}
	for i := range h.Commits {
		c := &h.Commits[i]
		if c.Generation < 0 || c.Outcome != Acked {
			continue
		}
		out.judged(1)
		rising := told[c.Group]
		before, _ := slices.BinarySearchFunc(rising, c.Call, func(a *Assignment, m Moment) int {
			return a.At.compare(m)
		})
		if before == 0 || rising[before-1].Generation <= c.Generation {
			continue
		}
		newer := rising[before-1]
		out.fail(Violation{
			Anomaly: StaleCommit, Partition: c.Partition, Offsets: []Offset{c.Offset},
			Evidence: lines(newer, c),
			Sentence: fmt.Sprintf("a commit of generation %d was accepted by group %s, which was "+
				"in generation %d", c.Generation, c.Group, newer.Generation),
		})
	}
}

// offsetOp is a commit or a read of one group's offset of one partition.
type offsetOp struct {
	commit *OffsetCommit // nil: a read
	read   *OffsetRead
}

func (o offsetOp) event() event {
	if o.commit != nil {
		return o.commit
	}
	return o.read
}

// committedOffset is the sequential specification: a register that holds what
// was committed last; -1 at first.
var committedOffset = object[Offset, offsetOp]{
	step: func(s Offset, o offsetOp) (bool, Offset) {
		if o.commit != nil {
			return true, o.commit.Offset
		}
		return s == o.read.Offset, s
	},
	equal:    func(a, b Offset) bool { return a == b },
	hash:     func(s Offset) uint64 { return uint64(s) },
	describe: func(o offsetOp) string { return o.event().String() },
	state:    func(s Offset) string { return fmt.Sprint(s) },
	alike: func(a, b offsetOp) bool {
		return a.commit != nil && b.commit != nil && a.commit.Offset == b.commit.Offset
	},
}

// offsetRegister names one register.
type offsetRegister struct {
	group     string
	partition Partition
}

func (r offsetRegister) compare(o offsetRegister) int {
	return cmp.Or(cmp.Compare(r.group, o.group), cmp.Compare(r.partition.Topic, o.partition.Topic),
		cmp.Compare(r.partition.Index, o.partition.Index))
}

// offsetOps gives the operations that show something of a register, by register and call. A commit
// with an unknown outcome shows nothing if no read has returned its offset: an order that contains
// it stays valid without it, since no read follows it before the next commit.
func offsetOps(h *History) (registers []offsetRegister, ops map[offsetRegister][]timed[offsetOp]) {
	ops = map[offsetRegister][]timed[offsetOp]{}
	add := func(r offsetRegister, op timed[offsetOp]) {
		if ops[r] == nil {
			registers = append(registers, r)
		}
		ops[r] = append(ops[r], op)
	}
	type value struct {
		offsetRegister
		Offset
	}
	returned := map[value]bool{}
	for i := range h.CommittedReads {
		r := &h.CommittedReads[i]
		returned[value{offsetRegister{r.Group, r.Partition}, r.Offset}] = true
	}
	for i := range h.Commits {
		c := &h.Commits[i]
		ret := c.Return
		switch c.Outcome {
		case Failed:
			continue
		case Ambiguous:
			if !returned[value{offsetRegister{c.Group, c.Partition}, c.Offset}] {
				continue
			}
			ret = Never
		}
		add(offsetRegister{c.Group, c.Partition},
			timed[offsetOp]{c.Call, ret, c.Client, offsetOp{commit: c}})
	}
	for i := range h.CommittedReads {
		if r := &h.CommittedReads[i]; r.Code == codeNone && r.Return != Never {
			add(offsetRegister{r.Group, r.Partition},
				timed[offsetOp]{r.Call, r.Return, r.Client, offsetOp{read: r}})
		}
	}
	slices.SortFunc(registers, offsetRegister.compare)
	for _, r := range registers {
		sortByCall(ops[r])
	}
	return registers, ops
}

func checkCommitted(h *History, out *verdictOf) {
	registers, all := offsetOps(h)
	for _, r := range registers {
		ops := all[r]
		out.judged(len(ops))
		switch committedOffset.linearize(-1, ops) {
		case Unknown:
			out.unknown("the committed offset of %s in group %s: the search for an order of %d "+
				"operations exceeded its bound", r.partition, r.group, len(ops))
		case Fail:
			out.fail(offsetViolation(r, ops))
		}
	}
}

// offsetViolation names the anomaly of a register without a valid order: the
// first read that no order explains, and the commit that it missed.
func offsetViolation(r offsetRegister, ops []timed[offsetOp]) Violation {
	v := Violation{Anomaly: NonLinearizable, Partition: r.partition,
		Sentence: fmt.Sprintf("no order of the commits explains what group %s was told of its "+
			"offset of %s", r.group, r.partition)}
	for n := range ops {
		if committedOffset.linearize(-1, ops[:n+1]) != Fail {
			continue
		}
		last := ops[n].input
		v.Evidence = lines(last.event())
		if last.read == nil {
			break
		}
		v.Offsets = []Offset{last.read.Offset}
		if newest := newestCommit(ops[:n], last.read.Call); newest != nil &&
			newest.Offset > last.read.Offset {
			v.Anomaly, v.Evidence = CommitWentBack, lines(newest, last.read)
			v.Sentence = fmt.Sprintf("group %s's committed offset of %s went back from %d to %d, "+
				"which no client had committed", r.group, r.partition, newest.Offset,
				last.read.Offset)
		}
		break
	}
	return v
}

// newestCommit is the last acknowledged commit that returned before a moment.
func newestCommit(ops []timed[offsetOp], before Moment) (newest *OffsetCommit) {
	for _, op := range ops {
		if c := op.input.commit; c != nil && op.ret.Before(before) &&
			(newest == nil || newest.Return.Before(c.Return)) {
			newest = c
		}
	}
	return newest
}
