package node

import (
	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/meta"
)

// sender is planted bug L4: one sender serves all peers in turn. One that is gone
// takes it as long as a connection may be silent, and what is for others waits.
type sender struct {
	queue  []meta.Envelope
	freeAt env.Instant
}

// leaving takes new messages and returns those that leave now.
func (s *sender) leaving(c *Control, now env.Time, send []meta.Envelope) (out []meta.Envelope) {
	s.queue = append(s.queue, send...)
	for len(s.queue) > 0 && now.Mono >= s.freeAt {
		m := s.queue[0]
		s.queue = s.queue[1:]
		if l := c.peer(m.To); l == nil || !l.open {
			s.freeAt = now.Mono.Add(c.cfg.Limits.PeerSilence)
		}
		out = append(out, m)
	}
	return out
}
