package meta

import (
	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/wire/peer"
)

// session is the broker's side of its session: it registers this incarnation, sends
// heartbeats to the controller, and holds the lease.
type session struct {
	timing   Timing
	register RegisterBroker // what this incarnation registers as
	started  env.Instant

	healthy    bool
	full       bool // a shard refuses appends for lack of space
	draining   bool
	superseded bool // another incarnation of this id has registered, and this one must stop
	epoch      kafka.BrokerEpoch
	confirmed  Index
	// announced: the node has recovered all its logs and may register.
	announced bool

	heartbeatAt   env.Instant // when the last one was made
	nextHeartbeat env.Instant
	leaseUntil    env.Instant // exclusive
	registering   uint64      // seq of the registration under way, 0 if none
}

// observe follows the image: the broker learns its epoch by applying the log, like
// everything else.
func (s *session) observe(img *Image) {
	b := img.Broker(s.register.Node)
	switch {
	case b != nil && b.Incarnation == s.register.Incarnation:
		s.epoch = b.Epoch
	case s.epoch != 0:
		s.superseded = true
		s.leaseUntil = 0
	}
}

// heartbeat makes the next heartbeat. Its time is that of the turn, which began before
// anything is sent. So the lease counts from no later than when the heartbeat leaves.
func (s *session) heartbeat(now env.Instant) *peer.Heartbeat {
	s.heartbeatAt, s.nextHeartbeat = now, now.Add(s.timing.Heartbeat)
	return &peer.Heartbeat{
		Node: s.register.Node, Incarnation: s.register.Incarnation, BrokerEpoch: s.epoch,
		SentAt: int64(now), Confirmed: uint64(s.confirmed), Draining: s.draining, Full: s.full,
	}
}

// due reports whether a heartbeat is due. A node that cannot vouch for all its
// loops and its disk stays silent (PROTOCOL 26).
func (s *session) due(now env.Instant) bool {
	return s.healthy && !s.superseded && now >= s.nextHeartbeat
}

// soon makes the next heartbeat due at once, because it carries news.
func (s *session) soon() { s.nextHeartbeat = 0 }

// reply takes a grant. The time that it echoes must be one of this process: a time before
// its start is that of an earlier incarnation.
func (s *session) reply(now env.Instant, r *peer.HeartbeatReply) {
	sent := env.Instant(r.SentAt)
	if !r.Granted || sent < s.started || sent > now || s.draining || s.superseded {
		return
	}
	s.leaseUntil = max(s.leaseUntil, sent.Add(s.timing.Lease))
}

// drain gives the lease up for good.
func (s *session) drain() {
	s.draining = true
	s.leaseUntil = 0
	s.soon()
}

// mustRegister reports whether a registration has to be proposed.
func (s *session) mustRegister() bool {
	return s.epoch == 0 && s.announced && s.registering == 0 && s.healthy && !s.draining &&
		!s.superseded
}
