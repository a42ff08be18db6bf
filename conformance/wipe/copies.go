package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

const olderCopy = "this directory is an older copy of itself"

// copied makes a copy of a directory while its node is down. After that the node is in sync again,
// and acknowledges what the copy lacks.
func (c *cluster) copied(node int) error {
	c.kill(node)
	out, err := exec.Command("cp", "-a", c.data(node), c.away(node)).CombinedOutput()
	if err != nil {
		return fmt.Errorf("copy: %w: %s", err, out)
	}
	c.start(node)
	if err := c.awaitLine(node, "node started"); err != nil {
		return err
	}
	// A topic is created when all brokers have applied it. So they all know of the start.
	if err := c.createTopic("witnesses"); err != nil {
		return err
	}
	if err := c.awaitInSync(); err != nil {
		return err
	}
	return c.produce(50)
}

// restored: all nodes are down, and the copy takes the place of the directory.
func (c *cluster) restored(lost int, o outage) error {
	if err := c.copied(lost); err != nil {
		return err
	}
	if err := o.down(c, lost); err != nil {
		return err
	}
	if err := c.swapWithAway(lost); err != nil {
		return err
	}
	if err := c.startInTurn(lostFirstAndLast(lost)[0]); err != nil {
		return err
	}
	return c.refusedCopy(lost)
}

func (c *cluster) restoredWhileUp(lost int) error {
	if err := c.copied(lost); err != nil {
		return err
	}
	c.kill(lost)
	if err := c.produce(50); err != nil {
		return err
	}
	if err := c.swapWithAway(lost); err != nil {
		return err
	}
	c.start(lost)
	return c.refusedCopy(lost)
}

// refusedCopy checks that the node stops, however often it is started, and replaces the directory.
func (c *cluster) refusedCopy(lost int) error {
	for again := range 3 {
		if again > 0 {
			c.start(lost)
		}
		if err := c.awaitLine(lost, olderCopy); err != nil {
			return err
		}
		if err := c.awaitEnd(lost); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(c.data(lost)); err != nil {
		return err
	}
	c.start(lost)
	if err := c.awaitLine(lost, "has no vote"); err != nil {
		return err
	}
	return c.whileProducing(func() error { return c.replaceNode(lost, lost) })
}

// mixed: nodes find the directories that their namesakes of another cluster have written. They
// stop, or the others refuse to talk to them. Then everybody gets its own directory again.
func (c *cluster) mixed(otherID int, nodes ...int) error {
	o := c.options
	o.basePort += ports / 8 // the ports between those of this cluster
	other, err := newCluster(c.ctx, o, filepath.Join(c.dir, "other"))
	if err != nil {
		return err
	}
	defer other.stopAll()
	if err := other.setID(otherID); err != nil {
		return err
	}
	for node := 1; node <= 3; node++ {
		other.start(node)
	}
	if err := other.prepare(); err != nil {
		return fmt.Errorf("prepare the other cluster: %w", err)
	}
	other.killAll()
	c.killAll()
	exchange := func() error {
		for _, node := range nodes {
			if err := c.exchange(c.data(node), other.data(node)); err != nil {
				return err
			}
		}
		return nil
	}
	if err := exchange(); err != nil {
		return err
	}
	for node := 1; node <= 3; node++ {
		c.start(node)
	}
	line := "they have the same cluster id, and are two clusters"
	if otherID != 1 {
		line = "data directory belongs to cluster"
	}
	for _, node := range nodes {
		if err := c.awaitLine(node, line); err != nil {
			return err
		}
	}
	c.killAll()
	if err := exchange(); err != nil {
		return err
	}
	for node := 1; node <= 3; node++ {
		c.start(node)
	}
	if err := c.produce(50); err != nil {
		return err
	}
	return c.awaitInSync()
}
