package checker

// An unclean election chooses a leader that was not known to hold what is committed. What it
// lacks is lost, and its offsets are given a second time. Exactly that is excused: a
// committed record of an older epoch that is not in the log with which the first leader after
// the election begins. Answers about the end of such a partition's log, and the order of
// appends, are not judged.

// unclean is what is known of the unclean elections of one partition.
type unclean struct {
	// leaders have the first leader that began in or after each unclean epoch, by epoch.
	leaders map[Epoch]*LeaderFact
	// epochs have the last epoch in which a value was appended at an offset.
	epochs map[placed]Epoch
}

type placed struct {
	offset Offset
	value  Value
}

func (u *unclean) leader(f *LeaderFact) {
	if f.Unclean == 0 {
		return
	}
	if u.leaders == nil {
		u.leaders = map[Epoch]*LeaderFact{}
	}
	if old := u.leaders[f.Unclean]; old == nil || f.Epoch < old.Epoch {
		u.leaders[f.Unclean] = f
	}
}

func (u *unclean) append(f *AppendFact) {
	if u.epochs == nil {
		u.epochs = map[placed]Epoch{}
	}
	for i, v := range f.Values {
		at := placed{f.Base + Offset(i), v}
		u.epochs[at] = max(u.epochs[at], f.Epoch)
	}
}

// lost says whether an unclean election has lost the record. If the record was not seen to be
// appended, none has.
func (u *unclean) lost(offset Offset, value Value) bool {
	epoch, known := u.epochs[placed{offset, value}]
	if !known {
		return false
	}
	for at, f := range u.leaders {
		if epoch >= at || offset < f.LogStart || f.Lineage == nil {
			continue
		}
		held := f.Lineage.clip(offset, min(offset+1, f.LogEnd))
		if len(held) == 0 || held[0].Epoch != epoch {
			return true
		}
	}
	return false
}

// excuses says whether an unclean election explains a violation.
func (u *unclean) excuses(v *Violation) bool {
	if len(u.leaders) == 0 {
		return false
	}
	switch v.Anomaly {
	case LostWrite, Duplicate:
		for _, offset := range v.Offsets {
			for _, value := range v.Values {
				if u.lost(offset, value) {
					return true
				}
			}
		}
	case LogStartBack, Unseen, NonmonotonicSend, NonLinearizable, StaleEnd, EndWentBack,
		EndFromFuture, TornEnd:
		return true
	}
	return false
}

// uncleans are those of all partitions.
type uncleans map[Partition]*unclean

func (u uncleans) of(p Partition) *unclean {
	one := u[p]
	if one == nil {
		one = &unclean{}
		u[p] = one
	}
	return one
}
