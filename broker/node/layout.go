package node

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/broker/mark"
	"example.com/lockstep/broker/shard"
	"example.com/lockstep/diskfs"
)

// The layout file is text, one "key=value" a line:
//
//	shards=<decimal>       how many shards wrote the WALs
//	life=<16 hex digits>   of these WALs
//	stale=<decimal>        only after a conversion: the WALs of so many shards are to be removed
//	suspect=<partition>    any number: found suspect, and not yet registered as such
//	suspect=unnamed        the same of partitions of which nothing was left
//
// A partition's checkpoint says which records of its WAL it covers, and in
// which life: sequences of another life mean nothing.
//
// A partition's shard depends on the number of shards (PROTOCOL 5), so another
// number can't use the WALs that are there. They are converted:
//
//  1. The node is started with the new number, finds the other one here, and
//     stops with Restart. Nothing has been changed.
//  2. Its owner starts it with the old number, as a converter: it neither
//     listens, nor reads Raft's log, nor registers. The shards recover.
//  3. What they found suspect is written here, before a flush covers the trace of it.
//  4. The shards flush until no partition needs its WAL, and release nothing of it.
//  5. The layout is replaced: the new number, a new life, the old WALs stale.
//     The node stops with Restart.
//  6. Any start from then on first makes the new layout's name durable, since a
//     converter may have been killed before it was, then removes the stale WALs,
//     then the word that they are stale, and only then lets a shard write one.
//
// A crash before 5 leaves the old layout with all its WALs, of which the
// checkpoints cover more; a crash after it leaves the new one.
type layout struct {
	shards   int
	life     uint64
	stale    int
	suspects []kafka.PartitionID
	unnamed  bool
}

// unnamedSuspects stands in the layout file for partitions whose names were lost.
const unnamedSuspects = "unnamed"

// Restart is the reason of a node that stopped to be started again with this
// many loops, in the same data directory: the number of loops is its owner's to
// choose, and which one is right stands in that directory.
type Restart struct {
	Shards    int // Config.Shards
	ConvertTo int // Config.ConvertTo
}

func (r Restart) Error() string {
	if r.ConvertTo > 0 {
		return fmt.Sprintf("the data directory was written by %d shards and is to be converted "+
			"to %d", r.Shards, r.ConvertTo)
	}
	return fmt.Sprintf("the data directory is for %d shards now", r.Shards)
}

func parseLayout(text string) (l layout, err error) {
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch key {
		case "shards":
			l.shards, err = strconv.Atoi(value)
		case "life":
			l.life, err = strconv.ParseUint(value, 16, 64)
		case "stale":
			l.stale, err = strconv.Atoi(value)
		case "suspect":
			if value == unnamedSuspects {
				l.unnamed = true
				break
			}
			id, ok := shard.ParseDir(value)
			if !ok {
				err = errors.New("not a partition")
			}
			l.suspects = append(l.suspects, id)
		}
		if err != nil {
			return layout{}, fmt.Errorf("layout file: bad %s %q", key, value)
		}
	}
	if l.life == 0 || l.shards < 1 || l.stale < 0 {
		return layout{}, errors.New("layout file: no life, or no shards")
	}
	return l, nil
}

func (l *layout) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "shards=%d\nlife=%016x\n", l.shards, l.life)
	if l.stale > 0 {
		fmt.Fprintf(&b, "stale=%d\n", l.stale)
	}
	for _, id := range l.suspects {
		fmt.Fprintf(&b, "suspect=%s\n", shard.DirName(id))
	}
	if l.unnamed {
		fmt.Fprintf(&b, "suspect=%s\n", unnamedSuspects)
	}
	return b.String()
}

// converting reports whether this life is a converter's.
func (c *Control) converting() bool { return c.cfg.ConvertTo > 0 }

// freshLayout is the layout of a directory that has none.
func (c *Control) freshLayout() string {
	c.layout = layout{shards: c.cfg.Shards, life: c.newLife()}
	return c.layout.text()
}

func (c *Control) newLife() uint64 { return c.jitter.Uint64() | 1 }

// takeLayout acts on the layout that is there.
func (c *Control) takeLayout(s *sequence, text string) (err error) {
	if c.layout, err = parseLayout(text); err != nil {
		return err
	}
	if written := c.layout.shards; written != c.cfg.Shards {
		wanted := c.cfg.Shards
		if c.converting() {
			wanted = c.cfg.ConvertTo
		}
		if wanted == written {
			return Restart{Shards: written}
		}
		mark.Hit(mark.ConversionBegun)
		return Restart{Shards: written, ConvertTo: wanted}
	}
	if c.layout.stale > 0 {
		s.then(c.removeStale()...)
	}
	return nil
}

// removeStale are the steps that remove the WALs of before a conversion. Their
// names are those that the new shards' WALs will have. The layout that calls them
// stale must not be lost when they are: the old one would miss them.
func (c *Control) removeStale() (steps []step) {
	mark.Hit(mark.StaleLogsRemoved)
	steps = append(steps, step{diskfs.Op{Kind: diskfs.SyncDir, Path: "."}, must})
	for i := range c.layout.stale {
		steps = append(steps, step{diskfs.Op{Kind: diskfs.RemoveAll, Path: shardDir(i + 1)}, must})
	}
	steps = append(steps, step{diskfs.Op{Kind: diskfs.SyncDir, Path: "."}, must})
	c.layout.stale = 0
	return append(steps, c.layoutSteps()...)
}

func (c *Control) layoutSteps() []step {
	return wholeFile(".", layoutFile, c.newHandle(), []byte(c.layout.text()))
}

// writeLayout replaces the layout file by the present one.
func (c *Control) writeLayout(then func()) {
	c.run(&sequence{steps: c.layoutSteps(), end: func(err error) {
		if err != nil {
			c.host.Stop(fmt.Errorf("node: write layout: %w", err))
			return
		}
		then()
	}})
}

// withSuspects adds those of more that are not in suspects yet.
func withSuspects(suspects, more []kafka.PartitionID) []kafka.PartitionID {
	out := slices.Clone(suspects)
	known := make(map[kafka.PartitionID]bool, len(suspects)+len(more))
	for _, id := range suspects {
		known[id] = true
	}
	for _, id := range more {
		if !known[id] {
			known[id] = true
			out = append(out, id)
		}
	}
	return out
}

// keepSuspects lets the converter's shards flush once what they found is durable.
func (c *Control) keepSuspects() {
	flush := func() {
		for i := range c.shards {
			c.host.Reply(shardID(i), shard.Convert{})
		}
	}
	if len(c.suspects) == len(c.layout.suspects) && c.unnamed == c.layout.unnamed {
		flush()
		return
	}
	mark.Hit(mark.SuspectsKept)
	c.layout.suspects, c.layout.unnamed = c.suspects, c.unnamed
	c.writeLayout(flush)
}

// onConverted counts the shards that need their WALs no more; when none does,
// the new layout takes the place of the old one.
func (c *Control) onConverted(from loop.ID, m shard.Converted) {
	c.shards[from-1].converted = true
	c.suspects = withSuspects(c.suspects, m.Suspects)
	for i := range c.shards {
		if !c.shards[i].converted {
			return
		}
	}
	c.layout = layout{
		shards: c.cfg.ConvertTo, life: c.newLife(), stale: c.cfg.Shards, suspects: c.suspects,
		unnamed: c.unnamed,
	}
	c.writeLayout(func() { c.host.Stop(Restart{Shards: c.cfg.ConvertTo}) })
}

// forgetSuspects takes the suspects out of the layout once this incarnation is
// registered: from then on the metadata keeps them out of the ISR.
func (c *Control) forgetSuspects() {
	if c.epoch != 0 && (len(c.layout.suspects) > 0 || c.layout.unnamed) {
		c.layout.suspects, c.layout.unnamed = nil, false
		c.writeLayout(func() {})
	}
}
