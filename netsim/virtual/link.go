package virtual

import (
	"time"

	"example.com/lockstep/broker/assert"
	"example.com/lockstep/broker/env"
)

// packetMax is the most bytes that one packet carries, and so one Received.
const packetMax = 64 << 10

// Shape is how a link carries bytes when nothing is wrong with it.
type Shape struct {
	Latency   time.Duration // of every packet
	Jitter    time.Duration // added: uniform between 0 and this
	Bandwidth int64         // bytes/s, shared by the connections of the link; 0: without limit
	Cut       Cut
}

// Cut says how streams are cut into packets, in shares of a thousand packets.
// The rest take as much as there is, up to 64 KiB.
type Cut struct {
	OneByte int // exactly one byte
	Tiny    int // 1 to 64 bytes
	Any     int // 1 byte to all that waits
}

// DefaultShape is a link of one data centre. It cuts streams so often that a
// short run cuts a frame at every border.
func DefaultShape() Shape {
	return Shape{
		Latency:   100 * time.Microsecond,
		Jitter:    400 * time.Microsecond,
		Bandwidth: 1 << 30,
		Cut:       Cut{OneByte: 10, Tiny: 30, Any: 160},
	}
}

type route struct{ from, to string }

// link is one direction between two hosts.
type link struct {
	fabric   *Fabric
	from, to *host
	shape    Shape
	slow     int           // Slow's factor
	limit    int64         // Limit's bandwidth; 0: none
	spike    time.Duration // Spike's bound; 0: none
	chopped  bool
	rand     *env.Rand

	busyUntil env.Instant // the bandwidth is taken until then
	blocked   bool
	blocks    uint64  // times blocked, to tell one blockade from the next
	stalled   bool    // like blocked, but no sender gives up
	unsent    int     // the most bytes that have waited to leave on one connection
	held      []*conn // senders with something held here, in the order it happened

	labelPacket, labelCredit, labelTimer string
}

func (f *Fabric) link(from, to *host) *link {
	key := route{from.name, to.name}
	l := f.links[key]
	if l == nil {
		name := "net " + from.name + ">" + to.name
		l = &link{
			fabric: f, from: from, to: to, shape: f.cfg.Link, slow: 1,
			rand:        env.NewRand(env.Key(f.seed, "link", from.name, to.name)),
			labelPacket: name + " packet", labelCredit: name + " credit",
			labelTimer: name + " timer",
		}
		f.links[key] = l
		f.allLinks = append(f.allLinks, l)
	}
	return l
}

// passable reports whether packets arrive at present.
func (l *link) passable() bool { return !l.blocked && !l.stalled && !l.to.down }

// cutOff reports whether the far end is, for its TCP, out of reach.
func (l *link) cutOff() bool { return l.blocked || l.to.down }

// delay is the time that a packet takes once it is on the wire.
func (l *link) delay() time.Duration {
	d := l.shape.Latency
	if l.shape.Jitter > 0 {
		d += time.Duration(l.rand.Between(0, int64(l.shape.Jitter)))
	}
	d *= time.Duration(l.slow)
	if l.spike > 0 && l.rand.Chance(1, spikeOneIn) {
		d += time.Duration(l.rand.Between(0, int64(l.spike)))
	}
	return d
}

// spikeOneIn: a spike delays one of so many packets.
const spikeOneIn = 8

// bandwidth is what the shape and Limit leave, in bytes/s; 0: without limit.
func (l *link) bandwidth() int64 {
	if l.limit > 0 && (l.shape.Bandwidth == 0 || l.limit < l.shape.Bandwidth) {
		return l.limit
	}
	return l.shape.Bandwidth
}

// arrival takes the link's bandwidth for a packet of n bytes and returns when it
// will arrive.
func (l *link) arrival(n int) env.Instant {
	start := max(l.fabric.sched.Now(), l.busyUntil)
	if bandwidth := l.bandwidth(); bandwidth > 0 {
		l.busyUntil = start.Add(
			time.Duration(int64(n) * int64(time.Second) / bandwidth * int64(l.slow)))
		start = l.busyUntil
	}
	return start.Add(l.delay())
}

// cut draws the size of the next packet of a stream with so many bytes waiting.
func (l *link) cut(waiting int) int {
	limit := min(waiting, packetMax)
	c := l.shape.Cut
	if l.chopped {
		c = Cut{OneByte: 200, Tiny: 500, Any: 300}
	}
	roll := l.rand.IntN(1000)
	switch {
	case roll < c.OneByte:
		return 1
	case roll < c.OneByte+c.Tiny:
		return int(l.rand.Between(1, int64(min(limit, 64))))
	case roll < c.OneByte+c.Tiny+c.Any:
		return int(l.rand.Between(1, int64(limit)))
	}
	return limit
}

// release sends on what was held, if the link lets it through now.
func (l *link) release() {
	if !l.passable() {
		return
	}
	held := l.held
	l.held = nil
	for _, c := range held {
		c.released()
	}
}

func (s Shape) check() {
	assert.That(s.Latency >= 0 && s.Jitter >= 0 && s.Bandwidth >= 0, "virtual: negative shape")
	assert.That(s.Cut.OneByte+s.Cut.Tiny+s.Cut.Any <= 1000,
		"virtual: cut of more than 1000 per mille")
}
