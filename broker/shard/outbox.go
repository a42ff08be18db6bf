package shard

import (
	"time"

	"example.com/lockstep/broker/loop"
	"example.com/lockstep/broker/mark"
	"example.com/lockstep/broker/rare"
)

// outbox holds mail that a full mailbox refused, in order. While it is not empty its
// connection is parked, because no later request may overtake that mail (PROTOCOL 31).
type outbox struct {
	unsent []unsentMail
	listed bool // in Shard.refused
}

type unsentMail struct {
	to   loop.ID
	mail any
}

// outbox returns where refused mail of the request waits: at its connection.
func (r *request) outbox() *outbox {
	if r.conn != nil {
		return &r.conn.outbox
	}
	return &r.forward.via.outbox
}

// send mails m for a request of the outbox's connection, after all that is still unsent
// there. The end of each turn tries unsent mail again.
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

// retryRefused tries all refused mail again. The connection need not have a request that
// waits behind it.
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

// sendUnsent tries the mail of an outbox again, in order.
func (s *Shard) sendUnsent(box *outbox) {
	for len(box.unsent) > 0 && s.host.TrySend(box.unsent[0].to, box.unsent[0].mail) {
		box.unsent = box.unsent[1:]
	}
}

// retryLater sets a timer while there is refused mail. Everything else that parks a
// connection (the budget, answers, the send window) ends with an event.
func (s *Shard) retryLater() {
	if len(s.refused) == 0 {
		return
	}
	const pause = time.Millisecond
	if next := s.timers.Next(); next > s.now.Mono.Add(pause) {
		s.timers.Set(s.now.Mono.Add(pause), due{kind: dueRetry})
	}
}
