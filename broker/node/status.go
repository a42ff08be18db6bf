package node

import (
	"fmt"

	"example.com/lockstep/broker/env"
)

// noteStatus is planted bug S1: a line about the node goes to its disk on every
// tick, whether or not there is anything to tell.
func (c *Control) noteStatus(now env.Time) {
	line := fmt.Sprintf("%d %d\n", now.WallMs, len(c.shards))
	c.run(&sequence{
		steps: wholeFile(".", "status", c.newHandle(), []byte(line)),
		end:   func(error) {},
	})
}
