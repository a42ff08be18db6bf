package shard

import "slices"

// list is one of the shard's lists of partitions, in the order in which they joined it.
// A partition is in a list at most once, and part.in says which lists it is in.
type list struct {
	bit   membership
	parts []*part
	spare []*part // the array that take returned last, to be used again
}

// membership is a set of lists, one bit for each: see part.in.
type membership uint16

const (
	inLed       membership = 1 << iota // this node leads them
	inTouched                          // the end of the turn looks at them
	inToPush                           // they have news for followers
	inToFlush                          // they have enough to move to a segment
	inSyncing                          // their flushes wait for the sync that is under way
	inToSync                           // their flushes wait for the next sync
	inToConvert                        // a conversion has yet to empty them
	inOffline                          // their files go, or are gone: see offline.go
	inToLoad                           // their coordinators can read on
	inToServe                          // their coordinators may have something to do
	inToPrune                          // their coordinators do not know which topics there are
)

// lists are the shard's lists of partitions: see membership.
type lists struct {
	led, touched, toPush, toFlush, syncing, toSync, toConvert, offline list
	toLoad, toServe, toPrune                                           list
}

func newLists() lists {
	return lists{
		led: list{bit: inLed}, touched: list{bit: inTouched}, toPush: list{bit: inToPush},
		toFlush: list{bit: inToFlush}, syncing: list{bit: inSyncing},
		toSync: list{bit: inToSync}, toConvert: list{bit: inToConvert},
		offline: list{bit: inOffline},
		toLoad:  list{bit: inToLoad}, toServe: list{bit: inToServe},
		toPrune: list{bit: inToPrune},
	}
}

// all visits the lists.
func (l *lists) all(visit func(*list)) {
	for _, x := range []*list{
		&l.led, &l.touched, &l.toPush, &l.toFlush, &l.syncing, &l.toSync, &l.toConvert,
		&l.offline, &l.toLoad, &l.toServe, &l.toPrune,
	} {
		visit(x)
	}
}

func (l *list) has(p *part) bool { return p.in&l.bit != 0 }

func (l *list) empty() bool { return len(l.parts) == 0 }

// add puts a partition at the end of the list, unless it is in it.
func (l *list) add(p *part) {
	if !l.has(p) {
		p.in |= l.bit
		l.parts = append(l.parts, p)
	}
}

// remove takes a partition out of the list, if it is in it.
func (l *list) remove(p *part) {
	if l.has(p) {
		p.in &^= l.bit
		l.parts = slices.DeleteFunc(l.parts, func(q *part) bool { return q == p })
	}
}

// removeFirst takes the first partition out of the list, which is not empty.
func (l *list) removeFirst() *part {
	p := l.parts[0]
	p.in &^= l.bit
	l.parts = l.parts[1:]
	return p
}

// take empties the list and returns what was in it. The caller may keep that until the
// next take. A partition that is added meanwhile is in the list again.
func (l *list) take() []*part {
	taken := l.parts
	for _, p := range taken {
		p.in &^= l.bit
	}
	l.parts, l.spare = l.spare[:0], taken
	return taken
}
