package virtual

import (
	"time"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/netsim"
)

// Scheduler is the simulator's clock and event queue, as the fabric needs it.
type Scheduler interface {
	// Now is the virtual time.
	Now() env.Instant
	// At runs fn at the given instant, which is not before Now. Functions of
	// one instant run in the order of their At calls. what labels the event in
	// traces.
	At(at env.Instant, what string, fn func())
}

// Config is what the plan of a world says of its network.
type Config struct {
	// Link is the shape of every link that SetShape has not given another.
	Link Shape
	// ConnectTimeout bounds the wait for a host that does not answer.
	ConnectTimeout Span
	// ResetAfter is how long a sender waits for acknowledgement over a blocked
	// link or from a host without power before it gives the connection up.
	// Zero: it waits forever.
	ResetAfter Span
	// Retransmit is how long after healing held packets arrive.
	Retransmit Span
	// Linger bounds how long CloseAfterSend waits for the peer to close as well.
	Linger Span
	// AbortPercent is the share of closes that reach the peer as RST, not FIN.
	AbortPercent int
}

// DefaultConfig is a network of one data centre.
func DefaultConfig() Config {
	return Config{
		Link:           DefaultShape(),
		ConnectTimeout: Span{2 * time.Second, 20 * time.Second},
		ResetAfter:     Span{15 * time.Second, 2 * time.Minute},
		Retransmit:     Span{time.Millisecond, time.Second},
		Linger:         Span{time.Second, 10 * time.Second},
		AbortPercent:   25,
	}
}

// Span is a range of durations, both ends included.
type Span struct{ Min, Max time.Duration }

func (s Span) draw(r *env.Rand) time.Duration {
	return time.Duration(r.Between(int64(s.Min), int64(s.Max)))
}

// Fabric is the network of one world.
type Fabric struct {
	cfg      Config
	sched    Scheduler
	seed     uint64 // of the links' random streams
	hosts    map[string]*host
	links    map[route]*link // for look-ups; loops over all links use allLinks
	allLinks []*link         // in order of first use
	lastConn netsim.ConnID
	stats    Stats
}

// New returns a fabric without hosts. It takes one word from rand.
func New(cfg Config, sched Scheduler, rand *env.Rand) *Fabric {
	cfg.Link.check()
	return &Fabric{
		cfg: cfg, sched: sched, seed: rand.Uint64(),
		hosts: map[string]*host{},
		links: map[route]*link{},
	}
}

// Host returns the network of the present incarnation of a host, and makes the
// host if it is new. After Crash the old value is dead: Listen fails, and its
// dials never get an answer.
func (f *Fabric) Host(name string) netsim.Network {
	h := f.host(name)
	return &network{host: h, incarnation: h.incarnation}
}

func (f *Fabric) host(name string) *host {
	h := f.hosts[name]
	if h == nil {
		h = &host{
			fabric: f, name: name, listeners: map[int]*listener{}, lastPort: firstEphemeralPort - 1,
		}
		f.hosts[name] = h
	}
	return h
}

// Conns returns the connection ends that live on a host, oldest first, so that a
// plan can choose one to Reset.
func (f *Fabric) Conns(hostName string) []netsim.Conn {
	var ends []netsim.Conn
	for _, c := range f.host(hostName).conns {
		ends = append(ends, c)
	}
	return ends
}

// MostUnsent is the largest number of bytes that ever waited on one connection
// to leave from one host for another.
func (f *Fabric) MostUnsent(from, to string) int { return f.link(f.host(from), f.host(to)).unsent }

// Fork calls change with the random stream of each link, and also changes the
// seed of the streams of future links.
func (f *Fabric) Fork(change func(*env.Rand)) {
	for _, l := range f.allLinks {
		change(l.rand)
	}
	next := env.NewRand(f.seed, f.seed)
	change(next)
	f.seed = next.Uint64()
}

func (f *Fabric) after(d time.Duration, what string, fn func()) {
	f.sched.At(f.sched.Now().Add(d), what, fn)
}

// Stats counts events, for coverage: a campaign in which a count stays zero has
// not tested that event.
type Stats struct {
	Dials, Connected, Accepted, Refused, ConnectTimeouts uint64

	Messages      uint64 // Received events
	Bytes         uint64 // in them
	OneByte       uint64 // of one byte only
	Starved       uint64 // a sender ran out of the receiver's credit
	Full          uint64 // Send reported full
	Writable      uint64
	SlicesChecked uint64 // sent slices found unchanged on arrival

	Held           uint64 // a stream met a closed link and was held
	Resets         uint64 // Closed with ErrReset
	GivenUp        uint64 // of these: unacknowledged for too long
	EOFs           uint64 // Closed with ErrEOF
	HalfClosed     uint64 // Ended events
	Beyond         uint64 // connections refused by the terms of their listener
	LostRSTs       uint64 // on a closed link: a half-open connection
	BytesDestroyed uint64 // given to Send, and will never arrive

	Blocks, Stalls, Crashes, PowerLosses, HalfOpened, Severed uint64 // faults applied
}

// Stats returns the counts so far.
func (f *Fabric) Stats() Stats { return f.stats }
