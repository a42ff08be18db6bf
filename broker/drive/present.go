package drive

import (
	"fmt"
	"reflect"
	"sync/atomic"

	"example.com/lockstep/broker/loop"
	"example.com/lockstep/diskfs"
	"example.com/lockstep/netsim"
)

// present names the event that the turn of a loop is at. The loop writes it, and other goroutines
// read it at any time, so it holds copies and nothing of the event itself: the loop reuses the
// slot of an event as soon as its turn has ended.
//
// A reader may see fields of two events if the loop goes on at that moment. Then the loop is not
// stuck, and the description does not matter.
type present struct {
	kind   atomic.Int32  // a loop.Kind; 0: no event, the turn is at its end
	detail atomic.Uint64 // kind of the network event or disk operation; the sender of mail
	id     atomic.Uint64 // connection, or owner of the disk operation
	amount atomic.Uint64 // bytes of a network event, or token of the disk operation
	mail   atomic.Value  // reflect.Type of the last mail
}

// set publishes an event.
func (p *present) set(ev *loop.Event) {
	switch ev.Kind {
	case loop.Net:
		p.detail.Store(uint64(ev.Net.Kind))
		p.amount.Store(uint64(len(ev.Net.Data)))
		p.id.Store(0)
		if ev.Net.Conn != nil {
			p.id.Store(uint64(ev.Net.Conn.ID()))
		}
	case loop.Disk:
		p.detail.Store(uint64(ev.Disk.Kind))
		p.id.Store(uint64(ev.Disk.Owner))
		p.amount.Store(ev.Disk.Token)
	case loop.Mail:
		p.detail.Store(uint64(ev.From))
		p.mail.Store(reflect.TypeOf(ev.Mail))
	}
	p.kind.Store(int32(ev.Kind))
}

// clear says that the turn has no event left.
func (p *present) clear() { p.kind.Store(0) }

// String describes the event without its contents.
func (p *present) String() string {
	detail, id, amount := p.detail.Load(), p.id.Load(), p.amount.Load()
	switch loop.Kind(p.kind.Load()) {
	case loop.Net:
		return fmt.Sprintf("network event %d of connection %d, %d bytes",
			netsim.EventKind(detail), id, amount)
	case loop.Disk:
		return fmt.Sprintf("completion of disk operation %v, owner %d, token %d",
			diskfs.Kind(detail), id, amount)
	case loop.Mail:
		return fmt.Sprintf("mail %v from loop %d", p.mail.Load(), loop.ID(detail))
	}
	return "the end of its turn"
}
