package meta

import (
	"time"

	"example.com/lockstep/broker/assert"
)

// Timing holds the durations of sessions and leases (PROTOCOL 25). A field that is zero
// gets its default. All nodes of a cluster must use the same values.
type Timing struct {
	Heartbeat time.Duration // 250 ms
	// Lease is Λ: how long a grant lasts on the broker's clock, counted from
	// just before its heartbeat was sent.
	Lease time.Duration // 2.5 s
	// Takeover is W: how long the controller waits on its own clock, after the
	// last grant it may have given, before it proposes to take a leadership.
	Takeover time.Duration // 2.8 s
	// Session is how long a broker may go without a grant before it is fenced.
	Session time.Duration // 3 s
	// DriftPercent is ρ, the bound on the error of any clock's rate.
	DriftPercent int64 // 5
	// Patience is how long a controller keeps a command that it may not propose yet.
	Patience time.Duration // 5 s
}

func (t *Timing) setDefaults() {
	setDefault(&t.Heartbeat, 250*time.Millisecond)
	setDefault(&t.Lease, 2500*time.Millisecond)
	setDefault(&t.Takeover, 2800*time.Millisecond)
	setDefault(&t.Session, 3*time.Second)
	setDefault(&t.DriftPercent, 5)
	setDefault(&t.Patience, 5*time.Second)
	// W >= Λ(1+ρ)/(1-ρ): the broker's clock may be slow and the controller's fast.
	assert.That(int64(t.Takeover)*(100-t.DriftPercent) >= int64(t.Lease)*(100+t.DriftPercent),
		"meta: a takeover after %d ns does not outlast a lease of %d ns",
		int64(t.Takeover), int64(t.Lease))
	assert.That(t.Session >= t.Takeover, "meta: the session is shorter than the takeover time")
}
