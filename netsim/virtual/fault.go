package virtual

import (
	"time"

	"example.com/lockstep/broker/assert"
	"example.com/lockstep/netsim"
)

// Block cuts one direction between two hosts: what is under way or sent later
// is held. After Unblock it arrives. A sender that waits longer than
// Config.ResetAfter meanwhile resets its connection, and dials time out.
func (f *Fabric) Block(from, to string) {
	l := f.link(f.host(from), f.host(to))
	if !l.blocked {
		l.blocked = true
		l.blocks++
		f.stats.Blocks++
	}
}

// Unblock heals what Block cut.
func (f *Fabric) Unblock(from, to string) {
	l := f.link(f.host(from), f.host(to))
	l.blocked = false
	l.release()
}

// Stall holds one direction as Block does, but no sender gives up and no
// connection ends.
func (f *Fabric) Stall(from, to string) {
	l := f.link(f.host(from), f.host(to))
	if !l.stalled {
		l.stalled = true
		f.stats.Stalls++
	}
}

// Unstall ends a Stall.
func (f *Fabric) Unstall(from, to string) {
	l := f.link(f.host(from), f.host(to))
	l.stalled = false
	l.release()
}

// Held reports whether at present nothing passes from one host to another.
func (f *Fabric) Held(from, to string) bool {
	l := f.links[route{from, to}]
	return l != nil && (l.blocked || l.stalled)
}

// Slowed reports whether a link from one host to another is slower than its shape says.
func (f *Fabric) Slowed(from, to string) bool {
	l := f.links[route{from, to}]
	return l != nil && l.slow > 1
}

// Slow multiplies the latency of a link and divides its bandwidth for what is
// sent from now on. A factor of 1 heals.
func (f *Fabric) Slow(from, to string, factor int) {
	assert.That(factor >= 1, "virtual: slow factor %d", factor)
	f.link(f.host(from), f.host(to)).slow = factor
}

// Limit caps the bandwidth of a link, in bytes/s, for what is sent from now on.
// 0 ends it.
func (f *Fabric) Limit(from, to string, bandwidth int64) {
	assert.That(bandwidth >= 0, "virtual: limit of %d bytes/s", bandwidth)
	f.link(f.host(from), f.host(to)).limit = bandwidth
}

// Spike delays some of the packets that are sent from now on by up to most. A
// connection keeps its order, so a late packet delays its own connection, and
// the other connections of the link overtake it. 0 ends it.
func (f *Fabric) Spike(from, to string, most time.Duration) {
	f.link(f.host(from), f.host(to)).spike = most
}

// Chop cuts all that is sent from now on into small packets, or stops that.
func (f *Fabric) Chop(from, to string, on bool) {
	f.link(f.host(from), f.host(to)).chopped = on
}

// HalfOpen ends one end of a connection: that end is told Closed with ErrReset,
// and its peer is told nothing. What was under way in either direction is lost.
// When the peer sends something, a RST answers it.
func (f *Fabric) HalfOpen(end netsim.Conn) {
	c := end.(*conn)
	f.after(0, "net "+c.host.name+" half open", func() {
		if c.phase == open {
			f.stats.HalfOpened++
			c.truncate(0)
			c.endReset("lost by fault")
		}
	})
}

// Sever stops the connections that are open between two hosts from carrying
// anything, in either direction, as if a firewall between them had forgotten
// them. A sender gives up after Config.ResetAfter; an end that sends nothing is
// told nothing. New connections work.
func (f *Fabric) Sever(a, b string) {
	for _, c := range f.host(a).conns {
		if c.phase == open && c.out.to == f.host(b) && !c.severed {
			c.severed, c.peer.severed = true, true
			f.stats.Severed++
		}
	}
}

// SetShape changes how a link carries what is sent from now on.
func (f *Fabric) SetShape(from, to string, shape Shape) {
	shape.check()
	f.link(f.host(from), f.host(to)).shape = shape
}

// Refuse makes a host answer new dials as if nothing listened, or stops that.
func (f *Fabric) Refuse(hostName string, on bool) { f.host(hostName).refusing = on }

// Reset ends a connection at the given end, which is told Closed with ErrReset.
// The peer is sent a RST, and bytes under way to it may be lost.
func (f *Fabric) Reset(end netsim.Conn) {
	c := end.(*conn)
	f.after(0, "net "+c.host.name+" reset", func() {
		if c.phase == open {
			c.abort()
			c.endReset("reset by fault")
		}
	})
}

// ResetAll resets every connection of a host.
func (f *Fabric) ResetAll(hostName string) {
	for _, c := range f.Conns(hostName) {
		f.Reset(c)
	}
}

// Crash ends the present incarnation of a host: listeners and connections
// vanish, and their owner is told nothing more. If the crash is not silent, the
// process was killed and its kernel still runs: it sends FINs or RSTs to the
// peers, and refuses dials. A silent crash is a loss of power: nothing is sent,
// and what arrives is held until Restart; then a kernel that knows no
// connection answers it with RST.
func (f *Fabric) Crash(hostName string, silent bool) {
	h := f.host(hostName)
	h.incarnation++
	h.listeners = map[int]*listener{}
	h.refusing = false
	if silent {
		h.down = true
		f.stats.PowerLosses++
	} else {
		f.stats.Crashes++
	}
	ends := h.conns
	h.conns = nil
	for _, c := range ends {
		greeted := c.phase == open || c.phase == embryo
		c.vanish()
		switch {
		case silent && c.stream.held:
			c.truncate(0) // no kernel is left to retransmit it
		case !silent && greeted:
			c.hangUp()
		}
	}
}

// Restart gives a host power again. The new incarnation takes its Network from
// Fabric.Host. It is not needed after a crash that was not silent.
func (f *Fabric) Restart(hostName string) {
	h := f.host(hostName)
	h.down = false
	for _, l := range f.allLinks {
		if l.to == h {
			l.release()
		}
	}
}

// Heal ends all faults of links, and lets hosts accept dials again. Shapes,
// crashed hosts, and dead or severed connections stay as they are.
func (f *Fabric) Heal() {
	for _, l := range f.allLinks {
		l.blocked, l.stalled, l.slow = false, false, 1
		l.limit, l.spike, l.chopped = 0, 0, false
		l.from.refusing, l.to.refusing = false, false
		l.release()
	}
}
