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
//	life=<16 hex digits>   a random number: it names the sequence space of these WALs
//	stale=<decimal>        after a conversion: the old WALs of so many shards must be removed
//	suspect=<partition>    any number of lines: found suspect, and not registered as such yet
//	suspect=unnamed        there were partitions that nothing names any more: the same for them
//
// A partition's checkpoint says which records of the WAL it covers, and has the WAL's number
// too. A checkpoint with another number says nothing about the records of these WALs.
//
// A partition's shard depends on the number of shards (PROTOCOL 5), so a node with another
// number cannot use the WALs that are there. They are converted:
//
//  1. The node is started with the new number, finds the old one here, and stops with Restart.
//     Nothing has been changed.
//  2. Its owner starts it with the old number, as a converter: it neither listens, nor reads
//     Raft's log, nor registers. The shards recover.
//  3. The suspects that they found are written here, before a flush hides the trace of them.
//  4. The shards flush until no partition needs its WAL, and release nothing of it.
//  5. The layout is replaced: it has the new number of shards, draws another number for their
//     WALs, and calls the old WALs stale. The node stops with Restart.
//  6. Each later start first makes the name of the new layout durable, because the converter
//     may have been killed before it was. Then it removes the stale WALs, then their mention
//     here, and only then it lets a shard write a WAL.
//
// A crash before 5 leaves the old layout with all its WALs; the checkpoints may cover more of
// them than before. A crash after 5 leaves the new layout.
type layout struct {
	shards   int
	life     uint64
	stale    int
	suspects []kafka.PartitionID
	unnamed  bool
}

// unnamedSuspects stands in the layout file for partitions that nothing names any more.
const unnamedSuspects = "unnamed"

// Restart is the error with which a node stops when its owner must start it again with another
// number of shards, in the same data directory. The owner makes the loops, but the directory
// says how many there must be.
type Restart struct {
	Shards    int // Config.Shards
	ConvertTo int // Config.ConvertTo
}

func (r Restart) Error() string {
	if r.ConvertTo > 0 {
		return fmt.Sprintf("the data directory was written by %d shards and has to be "+
			"converted to %d", r.Shards, r.ConvertTo)
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

// converting reports whether this incarnation is a converter.
func (c *Control) converting() bool { return c.cfg.ConvertTo > 0 }

// freshLayout is the layout of a directory that has none.
func (c *Control) freshLayout() string {
	c.layout = layout{shards: c.cfg.Shards, life: c.newLife()}
	return c.layout.text()
}

// newLife draws the number that names the sequence space of new WALs. It is never 0.
func (c *Control) newLife() uint64 { return c.jitter.Uint64() | 1 }

// takeLayout takes over the layout that the directory has. If it is for another number of
// shards, the error is a Restart.
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

// removeStale returns the steps that remove the WALs from before a conversion. The new WALs will
// have the same names. The layout that calls the old ones stale is made durable before they are
// removed: if it were lost afterwards, the old layout would come back and miss them.
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

// layoutSteps returns the steps that write the layout file.
func (c *Control) layoutSteps() []step {
	return wholeFile(".", layoutFile, c.newHandle(), []byte(c.layout.text()))
}

// writeLayout replaces the layout file by the present layout, and then calls then.
func (c *Control) writeLayout(then func()) {
	c.run(&sequence{steps: c.layoutSteps(), end: func(err error) {
		if err != nil {
			c.host.Stop(fmt.Errorf("node: write layout: %w", err))
			return
		}
		then()
	}})
}

// withSuspects returns suspects and those of more that are not among them.
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

// keepSuspects makes the suspects that a converter's shards have found durable in the layout.
// Then it lets the shards flush.
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

// onConverted counts the shards that do not need their WALs any more. When no shard does, the
// new layout replaces the old one.
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

// forgetSuspects takes the suspects out of the layout when this incarnation is registered. From
// then on the metadata keeps them out of the ISR.
func (c *Control) forgetSuspects() {
	if c.epoch != 0 && (len(c.layout.suspects) > 0 || c.layout.unnamed) {
		c.layout.suspects, c.layout.unnamed = nil, false
		c.writeLayout(func() {})
	}
}
