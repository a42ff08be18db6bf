package main

import (
	"fmt"
	"syscall"
)

// wipeCase is one way to lose directories, and what must come of it.
type wipeCase struct {
	name string
	do   func(*cluster) error
}

// outage is one way in which all three nodes go down before the directory of one is lost.
type outage struct {
	name   string
	orders func(lost int) [][]int // in which the nodes are started again
	down   func(c *cluster, lost int) error
}

var outages = []outage{
	{"all killed", allOrders, func(c *cluster, _ int) error {
		c.killAll()
		return nil
	}},
	{"all stopped by SIGTERM", lostFirstAndLast, func(c *cluster, _ int) error {
		return c.stopInTurn()
	}},
	{"it killed first", lostFirstAndLast,
		func(c *cluster, lost int) error { return c.killedBehind(lost) }},
	{"the next one killed first", allOrders,
		func(c *cluster, lost int) error { return c.killedBehind(lost%3 + 1) }},
}

func allOrders(int) [][]int {
	return [][]int{{1, 2, 3}, {1, 3, 2}, {2, 1, 3}, {2, 3, 1}, {3, 1, 2}, {3, 2, 1}}
}

func lostFirstAndLast(lost int) [][]int {
	a, b := lost%3+1, (lost+1)%3+1
	return [][]int{{lost, a, b}, {b, a, lost}}
}

func cases() (list []wipeCase) {
	add := func(do func(*cluster) error, format string, args ...any) {
		list = append(list, wipeCase{fmt.Sprintf(format, args...), do})
	}
	for lost := 1; lost <= 3; lost++ {
		for _, o := range outages {
			for _, order := range o.orders(lost) {
				add(func(c *cluster) error { return c.emptiedWhileDown(lost, o, order) },
					"%d emptied, %s, started %v", lost, o.name, order)
			}
		}
		add(func(c *cluster) error { return c.emptiedWhileUp(lost) },
			"%d killed and emptied while the others run", lost)
		for _, o := range outages[:3] {
			add(func(c *cluster) error { return c.mountedLate(lost, o) },
				"%d not mounted and mounted again, %s", lost, o.name)
		}
		add(func(c *cluster) error { return c.mountedLateWhileUp(lost) },
			"%d not mounted and mounted again while the others run", lost)
		add(func(c *cluster) error { return c.replacedByAnother(lost) },
			"%d replaced by node 4", lost)
		for _, o := range outages {
			add(func(c *cluster) error { return c.restored(lost, o) },
				"%d replaced by an older copy, %s", lost, o.name)
		}
		add(func(c *cluster) error { return c.restoredWhileUp(lost) },
			"%d replaced by an older copy while the others run", lost)
		add(func(c *cluster) error { return c.mixed(2, lost) },
			"%d gets the directory of another cluster", lost)
		add(func(c *cluster) error { return c.mixed(1, lost) },
			"%d gets the directory of another cluster with the same id", lost)
		other := lost%3 + 1
		add(func(c *cluster) error { return c.mixed(1, lost, other) },
			"%d and %d get directories of another cluster with the same id", lost, other)
		for _, o := range outages[:2] {
			add(func(c *cluster) error { return c.swapped(lost, other, o) },
				"the directories of %d and %d swapped, %s", lost, other, o.name)
		}
	}
	return list
}

// stopInTurn stops the nodes one after the other. The last one has no majority any more.
func (c *cluster) stopInTurn() error {
	for node := 1; node <= 3; node++ {
		c.signal(node, syscall.SIGTERM)
		if err := c.awaitEnd(node); err != nil {
			return err
		}
	}
	return nil
}

// killedBehind kills one node, lets the others acknowledge records that it lacks, and kills them.
func (c *cluster) killedBehind(node int) error {
	c.kill(node)
	if err := c.produce(50); err != nil {
		return err
	}
	c.killAll()
	return nil
}

// startInTurn starts nodes in an order. Each gets as far as it can before the next one starts.
func (c *cluster) startInTurn(order []int) error {
	for i, node := range order {
		c.start(node)
		if err := c.awaitLine(node, "metadata recovered", "waits to be born",
			olderCopy); err != nil {
			return err
		}
		if i == 1 {
			// Two nodes may be a majority, and begin. With a lost directory they must not.
			c.mayPrint(node, "controller won", "controller changed")
		}
	}
	return nil
}

// emptiedWhileDown: all nodes are down, one directory is emptied, and the nodes are started in
// some order. The other two go on; the lost one joins, is replaced, and its old directory is
// refused.
func (c *cluster) emptiedWhileDown(lost int, o outage, order []int) error {
	if err := o.down(c, lost); err != nil {
		return err
	}
	if err := c.moveAway(lost); err != nil {
		return err
	}
	if err := c.startInTurn(order); err != nil {
		return err
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

// mountedLate: all nodes are down, the empty directory is used for a moment, and then the right
// one is mounted.
func (c *cluster) mountedLate(lost int, o outage) error {
	if err := o.down(c, lost); err != nil {
		return err
	}
	if err := c.moveAway(lost); err != nil {
		return err
	}
	for node := 1; node <= 3; node++ {
		c.start(node)
	}
	return c.mounted(lost)
}

// mountedLateWhileUp: the right directory lacks what the others acknowledge meanwhile.
func (c *cluster) mountedLateWhileUp(lost int) error {
	c.kill(lost)
	if err := c.moveAway(lost); err != nil {
		return err
	}
	c.start(lost)
	return c.mounted(lost)
}

func (c *cluster) mounted(lost int) error {
	if err := c.awaitLine(lost, "has no vote"); err != nil {
		return err
	}
	if err := c.produce(50); err != nil {
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
func (c *cluster) swapped(a, b int, o outage) error {
	if err := o.down(c, a); err != nil {
		return err
	}
	if err := c.swap(a, b); err != nil {
		return err
	}
	for node := 1; node <= 3; node++ {
		c.start(node)
	}
	for node, other := range map[int]int{a: b, b: a} {
		line := fmt.Sprintf("data directory belongs to node %d, not to node %d", other, node)
		if err := c.awaitLine(node, line); err != nil {
			return err
		}
		if err := c.awaitEnd(node); err != nil {
			return err
		}
	}
	if err := c.swap(a, b); err != nil {
		return err
	}
	c.start(a)
	c.start(b)
	return c.produce(50)
}
