package check

import (
	"example.com/lockstep/broker/meta"
	"example.com/lockstep/broker/shard"
	"example.com/lockstep/sim/property"
)

// CheckLeftovers demands that at the end no disk holds a partition that the metadata does
// not have (BUGS M4): every restart would bring it back.
func (c *Circumstances) CheckLeftovers(image *meta.Image) {
	for _, name := range c.Brokers {
		n := c.World.Node(name)
		if !n.Up() {
			continue
		}
		if dir := leftover(n.FS().Names(PartitionsDir), image); dir != "" {
			c.World.Violated(property.NoLeftovers, name,
				"%s/%s is there, and the metadata has no such partition", PartitionsDir, dir)
			return
		}
	}
}

// leftover finds the directory of a partition that the metadata does not have; "" if there
// is none.
func leftover(dirs []string, image *meta.Image) string {
	for _, dir := range dirs {
		if id, ok := shard.ParseDir(dir); ok && image.Partition(id) == nil {
			return dir
		}
	}
	return ""
}

// PartitionsDir is where brokers keep partitions (broker/node).
const PartitionsDir = "partitions"
