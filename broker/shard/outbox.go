package shard

import (
	"time"

	"example.com/lockstep/broker/loop"
	"example.com/lockstep/broker/mark"
	"example.com/lockstep/broker/rare"
)

// outbox holds mail that a full mailbox refused, in order. While it is not
// empty its connection is parked: no later request may overtake (PROTOCOL 31).
type outbox struct {
	unsent []unsentMail
	listed bool // is in Shard.refused
}

type unsentMail struct {
	to   loop.ID
	mail any
}

// outbox is where the request's refused mail waits.
func (r *request) outbox() *outbox {
	if r.conn != nil {
		return &r.conn.outbox
	}
	return &r.forward.via.outbox
}

// send mails m for a request of the outbox's connection, after whatever is
// still unsent there. Retries of the rest are made at the end of every turn.
func (s *Shard) send(box *outbox, to loop.ID, m any) {
	if len(box.unsent) > 0 || s.rare.Choose(rare.MailRefused) || !s.host.TrySend(to, m) {
		box.unsent = append(box.unsent, unsentMail{to, m})
		s.stats.MailRefused++
		mark.Hit(mark.MailboxFull)
		if !box.listed {
			box.listed = true
			s.refused = append(s.refused, box)
		}
	}
}

// retryRefused retries all that was refused, whether or not the connection has
// further requests that wait behind it.
func (s *Shard) retryRefused() {
	kept := s.refused[:0]
	for _, box := range s.refused {
		s.sendUnsent(box)
		if box.listed = len(box.unsent) > 0; box.listed {
			kept = append(kept, box)
		}
	}
	clear(s.refused[len(kept):])
	s.refused = kept
}

// sendUnsent retries what was refused, in order.
func (s *Shard) sendUnsent(box *outbox) {
	for len(box.unsent) > 0 && s.host.TrySend(box.unsent[0].to, box.unsent[0].mail) {
		box.unsent = box.unsent[1:]
	}
}

// retryLater arms a timer while something was refused by a full mailbox. Whatever
// else parks a connection (budget, answers, the send window) ends with an event.
func (s *Shard) retryLater() {
	if len(s.refused) == 0 {
		return
	}
	const pause = time.Millisecond
	if next := s.timers.Next(); next > s.now.Mono.Add(pause) {
		s.timers.Set(s.now.Mono.Add(pause), due{kind: dueRetry})
	}
}
