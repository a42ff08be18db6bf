package node

import (
	"slices"
	"time"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/broker/mark"
	"example.com/lockstep/broker/meta"
	"example.com/lockstep/broker/shard"
)

// shardState is what the control loop knows of one shard.
type shardState struct {
	pingSeq    uint64      // of the last ping
	pingedAt   env.Instant // when it was sent
	answered   env.Instant // when the last ping that was answered was sent
	diskDue    env.Instant // see shard.DiskDue
	full       bool        // its disk has no room
	notOnline  int         // see shard.Pong
	recovered  bool
	drained    bool
	converted  bool
	confirmed  meta.Index // of the image that it acts on
	sent       meta.Index // of the image that was sent to it last
	unanswered int        // images that were sent and not confirmed
	behind     bool       // images were held back: the next one is sent with Changes.Full
}

// imagesUnanswered is how many images a shard may leave unconfirmed. Beyond that it gets none
// until it has confirmed all, and then the newest one, with Changes.Full.
const imagesUnanswered = 64

func shardID(i int) loop.ID { return loop.ID(i + 1) }

// pingIfDue pings if it is time, in a turn that something else has caused, mostly a tick of meta.
// With a timer for pings, an idle node would wake more than ten times a second (PROTOCOL 35).
func (c *Control) pingIfDue(now env.Time) {
	if now.Mono >= c.pingAt {
		c.ping(now)
	}
}

// ping asks every shard for a pong, and checks the connections to other nodes.
func (c *Control) ping(now env.Time) {
	c.pingAt = now.Mono.Add(c.cfg.Limits.PingInterval - pingEarly)
	c.checkPeers(now)
	c.askToJoin()
	for i := range c.shards {
		sh := &c.shards[i]
		sh.pingSeq++
		if sh.pingSeq == 1 {
			sh.answered, sh.diskDue = now.Mono, env.Never
		}
		sh.pingedAt = now.Mono
		c.host.Reply(shardID(i), shard.Ping{Seq: sh.pingSeq, SentAt: now.Mono})
	}
	if c.meta == nil { // no ticks yet
		c.timers.Set(now.Mono.Add(c.cfg.Limits.PingInterval), due{kind: duePing})
	}
}

// pingEarly is how much earlier than PingInterval a ping may leave. A tick may come a moment
// before the ping is due, and the ping need not wait for the next tick then.
const pingEarly = 50 * time.Millisecond

// onPong takes a shard's answer to a ping, or its news of an image that it acts on now.
func (c *Control) onPong(from loop.ID, m shard.Pong) {
	sh := &c.shards[from-1]
	sh.answered = max(sh.answered, m.SentAt)
	sh.diskDue = m.DiskDue
	sh.full, sh.drained, sh.notOnline = m.Full, m.Drained, m.NotOnline
	if m.Confirmed > sh.confirmed {
		sh.confirmed = m.Confirmed
		c.confirm()
	}
	if sh.confirmed == sh.sent {
		sh.unanswered = 0
	}
	if sh.behind && sh.unanswered == 0 {
		c.sendImage(from-1, meta.Changes{Full: true})
	}
}

// confirm tells meta the oldest image that a loop acts on.
func (c *Control) confirm() {
	lowest := c.meta.Image().Index()
	for i := range c.shards {
		lowest = min(lowest, c.shards[i].confirmed)
	}
	c.meta.Confirm(c.now.Mono, lowest)
}

// healthy reports whether the node can vouch for all its loops and their disks, and for its part in
// Raft.
func (c *Control) healthy(now env.Time) bool {
	// A log without room has no operation under way, and is as stuck as one on a disk that
	// hangs: this node can neither lead Raft nor apply what others commit.
	if len(c.unsynced) > 0 && now.Mono >= c.unsynced[0].since.Add(c.cfg.Limits.VouchAge) {
		mark.Hit(mark.NotVouchedControlLog)
		return false
	}
	return c.progresses(now)
}

// Vouches reports whether the node makes progress, for a supervisor that kills and restarts a node
// that does not. A full disk is no reason, because a restart makes no room, and neither is anything
// before the node is registered: a recovery takes as long as it takes.
func (c *Control) Vouches(now env.Time) bool { return c.epoch == 0 || c.progresses(now) }

// progresses reports whether all loops of the node and their disks make progress.
func (c *Control) progresses(now env.Time) bool {
	if now.Mono >= shard.DiskDue(c.host.Disk(), &c.cfg.Limits) {
		mark.Hit(mark.NotVouchedDisk)
		return false
	}
	for i := range c.shards {
		sh := &c.shards[i]
		if now.Mono >= sh.answered.Add(c.cfg.Limits.VouchAge) {
			mark.Hit(mark.NotVouchedShard)
			return false
		}
		if now.Mono >= sh.diskDue {
			mark.Hit(mark.NotVouchedShardDisk)
			return false
		}
	}
	return true
}

// full reports whether any shard has found the disk full. They share the disk, so the others
// will find it full soon.
func (c *Control) full() bool {
	return slices.ContainsFunc(c.shards, func(sh shardState) bool { return sh.full })
}

// publish sends a new image to the shards.
func (c *Control) publish(now env.Time, image *meta.Image, changes meta.Changes) {
	c.epoch = c.meta.Epoch()
	c.narrate(now, image, &changes)
	c.applyLogLevel(image)
	c.forgetSuspects()
	for _, b := range image.Brokers() {
		c.addPeer(now, b.ID, b.PeerAddr)
	}
	for i := range c.shards {
		if sh := &c.shards[i]; sh.unanswered >= imagesUnanswered {
			mark.Hit(mark.ImagesHeldBack)
			sh.behind = true
			continue
		}
		c.sendImage(loop.ID(i), changes)
	}
}

// sendImage sends the present image to the shard with index i.
func (c *Control) sendImage(i loop.ID, changes meta.Changes) {
	sh := &c.shards[i]
	sh.sent, sh.behind = c.meta.Image().Index(), false
	sh.unanswered++
	c.host.Reply(i+1, shard.Applied{
		Image: c.meta.Image(), Changes: changes, Caught: c.meta.Epoch() != 0,
	})
}

// renewLease tells the shards of a longer lease, or of its end.
func (c *Control) renewLease() {
	until := c.meta.LeaseUntil()
	if until == c.lease {
		return
	}
	c.lease = until
	for i := range c.shards {
		c.host.Reply(shardID(i), shard.Lease{Epoch: c.meta.Epoch(), Until: until})
	}
}

// onRecovered counts the shards that have recovered. When all have, the broker registers, or a
// converter goes on.
func (c *Control) onRecovered(now env.Time, from loop.ID, m shard.Recovered) {
	c.shards[from-1].recovered = true
	c.suspects, c.whole = append(c.suspects, m.Suspects...), append(c.whole, m.Whole...)
	c.unnamed = c.unnamed || m.Unnamed
	for i := range c.shards {
		if !c.shards[i].recovered {
			return
		}
	}
	c.suspects, c.unnamed = withSuspects(c.layout.suspects, c.suspects),
		c.unnamed || c.layout.unnamed
	if c.converting() {
		c.keepSuspects()
		return
	}
	found := meta.RegisterBroker{Suspects: c.suspects, Unnamed: c.unnamed}
	if c.unnamed {
		found.Whole = c.whole
	}
	c.meta.Announce(found)
}

// registration is the command that registers this incarnation, without what Announce adds.
func (c *Control) registration() meta.RegisterBroker {
	r := meta.RegisterBroker{
		Node: c.cfg.Node, Incarnation: c.cfg.Incarnation, Directory: c.directory,
		Starts: c.starts,
		Endpoints: meta.Endpoints{
			PeerAddr: c.cfg.Advertised.Control, DataAddr: c.cfg.Advertised.Data, Rack: c.cfg.Rack,
		},
	}
	r.Host, r.Port = splitAddress(c.cfg.Advertised.Kafka)
	return r
}

// splitAddress splits "host:port". The configuration was checked before.
func splitAddress(addr string) (host string, port int32) {
	for i := len(addr) - 1; i >= 0; i-- {
		if addr[i] == ':' {
			n := int32(0)
			for _, d := range addr[i+1:] {
				n = n*10 + (d - '0')
			}
			return addr[:i], n
		}
	}
	return addr, 0
}
