package checker

import (
	"fmt"
	"strings"
)

// EpochStart says at which offset a leader epoch begins in a log.
type EpochStart struct {
	Epoch Epoch  `json:"epoch"`
	Start Offset `json:"start"`
}

// Lineage is the epoch history of a log, by offset. One leader writes an epoch,
// so two logs of equal lineage hold the same records. A Lineage in a fact is
// never changed, because facts share lineages.
type Lineage []EpochStart

// Below is the lineage of the log's part below an offset.
func (l Lineage) Below(end Offset) Lineage {
	n := len(l)
	for n > 0 && l[n-1].Start >= end {
		n--
	}
	return l[:n:n]
}

// clip is the part of the lineage that covers [from, to): the epochs that hold
// records there, the first beginning at from.
func (l Lineage) clip(from, to Offset) Lineage {
	var out Lineage
	for i, e := range l {
		end := to
		if i+1 < len(l) {
			end = min(to, l[i+1].Start)
		}
		if start := max(from, e.Start); start < end {
			out = append(out, EpochStart{e.Epoch, start})
		}
	}
	return out
}

// parts is the first offset in [from, to) at which the two lineages differ.
func (l Lineage) parts(from, to Offset, with Lineage) (at Offset, differ bool) {
	a, b := l.clip(from, to), with.clip(from, to)
	for i := range max(len(a), len(b)) {
		switch {
		case i >= len(a):
			return b[i].Start, true
		case i >= len(b):
			return a[i].Start, true
		case a[i] != b[i]:
			return min(a[i].Start, b[i].Start), true
		}
	}
	return 0, false
}

// String is "epoch 3 from 0, 5 from 17".
func (l Lineage) String() string {
	if len(l) == 0 {
		return "empty"
	}
	parts := make([]string, len(l))
	for i, e := range l {
		parts[i] = fmt.Sprintf("%d from %d", e.Epoch, e.Start)
	}
	return "epoch " + strings.Join(parts, ", ")
}
