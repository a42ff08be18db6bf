package main

import "fmt"

// wipeCase is one way to lose directories, and what must come of it.
type wipeCase struct {
	name string
	do   func(*cluster) error
}

// orders are the orders in which three nodes may be started.
var orders = [][]int{{1, 2, 3}, {1, 3, 2}, {2, 1, 3}, {2, 3, 1}, {3, 1, 2}, {3, 2, 1}}

func cases() (list []wipeCase) {
	for lost := 1; lost <= 3; lost++ {
		for _, order := range orders {
			list = append(list, wipeCase{
				name: fmt.Sprintf("all killed, %d emptied, started %v", lost, order),
				do:   func(c *cluster) error { return c.emptiedWhileDown(lost, order) },
			})
		}
		list = append(list,
			wipeCase{fmt.Sprintf("%d killed and emptied while the others run", lost),
				func(c *cluster) error { return c.emptiedWhileUp(lost) }},
			wipeCase{fmt.Sprintf("all killed, %d not mounted and mounted again", lost),
				func(c *cluster) error { return c.mountedLate(lost) }},
			wipeCase{fmt.Sprintf("%d replaced by node 4", lost),
				func(c *cluster) error { return c.replacedByAnother(lost) }},
		)
	}
	return append(list,
		wipeCase{"all killed, the directories of 1 and 2 swapped", (*cluster).swapped})
}

// emptiedWhileDown: all nodes are killed, one directory is emptied, and the nodes are started in
// some order. The other two go on; the lost one joins, is replaced, and its old directory is
// refused.
func (c *cluster) emptiedWhileDown(lost int, order []int) error {
	c.killAll()
	if err := c.moveAway(lost); err != nil {
		return err
	}
	for _, node := range order {
		c.start(node)
		c.pause()
	}
	return c.replaced(lost)
}

func (c *cluster) emptiedWhileUp(lost int) error {
	c.kill(lost)
	if err := c.moveAway(lost); err != nil {
		return err
	}
	c.start(lost)
	return c.replaced(lost)
}

// replaced checks that acknowledgements go on, replaces the lost directory meanwhile, and brings
// the old one back, which must be refused.
func (c *cluster) replaced(lost int) error {
	if err := c.awaitLine(lost, "has no vote"); err != nil {
		return err
	}
	if err := c.whileProducing(func() error { return c.replaceNode(lost, lost) }); err != nil {
		return err
	}
	c.kill(lost)
	if err := c.swapWithAway(lost); err != nil {
		return err
	}
	c.start(lost)
	if err := c.awaitLine(lost, "this directory was removed from the cluster"); err != nil {
		return err
	}
	if err := c.awaitEnd(lost); err != nil {
		return err
	}
	if err := c.swapWithAway(lost); err != nil {
		return err
	}
	c.start(lost)
	return c.produce(50)
}

// mountedLate: the empty directory is used for a moment, and then the right one is mounted.
func (c *cluster) mountedLate(lost int) error {
	c.killAll()
	if err := c.moveAway(lost); err != nil {
		return err
	}
	for node := 1; node <= 3; node++ {
		c.start(node)
	}
	if err := c.awaitLine(lost, "has no vote"); err != nil {
		return err
	}
	c.kill(lost)
	if err := c.swapWithAway(lost); err != nil {
		return err
	}
	c.start(lost)
	if err := c.produce(50); err != nil {
		return err
	}
	return c.awaitInSync()
}

func (c *cluster) replacedByAnother(lost int) error {
	c.kill(lost)
	c.start(4)
	if err := c.awaitLine(4, "has no vote"); err != nil {
		return err
	}
	if err := c.whileProducing(func() error { return c.replaceNode(lost, 4) }); err != nil {
		return err
	}
	c.start(lost)
	if err := c.awaitLine(lost, "this directory was removed from the cluster"); err != nil {
		return err
	}
	return c.awaitEnd(lost)
}

// swapped: each of two nodes finds the directory of the other, and says so.
func (c *cluster) swapped() error {
	c.killAll()
	if err := c.swap(1, 2); err != nil {
		return err
	}
	for node := 1; node <= 3; node++ {
		c.start(node)
	}
	for node := 1; node <= 2; node++ {
		line := fmt.Sprintf("data directory belongs to node %d, not to node %d", 3-node, node)
		if err := c.awaitLine(node, line); err != nil {
			return err
		}
		if err := c.awaitEnd(node); err != nil {
			return err
		}
	}
	if err := c.swap(1, 2); err != nil {
		return err
	}
	c.start(1)
	c.start(2)
	return c.produce(50)
}
