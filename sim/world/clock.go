package world

import (
	"time"

	"example.com/lockstep/broker/env"
)

// clock has the clocks of one machine. The monotonic clock has its own origin, and runs fast or
// slow by a number of parts per million. The wall clock is the monotonic clock plus an offset that
// may jump. Both run on while the node is frozen or its process is dead (like CLOCK_BOOTTIME).
type clock struct {
	baseWorld env.Instant // the world's time at which drift last changed
	baseMono  env.Instant // the monotonic time shown then
	driftPpm  int64       // in (-1e6, 1e6)
	wallZero  int64       // ms: wall time at monotonic 0
}

const million = 1_000_000

// mono is the monotonic time shown at world time t >= baseWorld.
func (c *clock) mono(t env.Instant) env.Instant {
	d := int64(t - c.baseWorld)
	// d*drift/1e6 without overflow: a run of hours times ppm exceeds 64 bits.
	return c.baseMono + env.Instant(d+d/million*c.driftPpm+d%million*c.driftPpm/million)
}

// time is what loops see at world time t.
func (c *clock) time(t env.Instant) env.Time {
	m := c.mono(t)
	return env.Time{Mono: m, WallMs: c.wallZero + int64(m)/int64(time.Millisecond)}
}

// world is the earliest world time at which the clock shows at least m; env.Never if that time does
// not fit into an Instant.
func (c *clock) world(m env.Instant) env.Instant {
	if m == env.Never {
		return env.Never
	}
	d := int64(m - c.baseMono)
	if d <= 0 {
		return c.baseWorld
	}
	rate := million + c.driftPpm
	if d/rate > (1<<62)/million {
		return env.Never
	}
	t := c.baseWorld + env.Instant(d/rate*million+d%rate*million/rate)
	for c.mono(t) < m { // rounding leaves at most a few nanoseconds
		t++
	}
	for t > c.baseWorld && c.mono(t-1) >= m {
		t--
	}
	return t
}

// before is the world time at which the clock showed m. It is approximate if that was before the
// last change of the drift.
func (c *clock) before(m env.Instant) env.Instant {
	if m >= c.baseMono {
		return c.world(m)
	}
	return max(0, c.baseWorld-(c.baseMono-m))
}

// setDrift changes the rate from world time t on. The time that is shown at t stays.
func (c *clock) setDrift(t env.Instant, ppm int64) {
	c.baseMono, c.baseWorld, c.driftPpm = c.mono(t), t, ppm
}

// reboot gives the monotonic clock a new origin, as a power cycle does. The wall clock goes on.
func (c *clock) reboot(t env.Instant, origin env.Instant) {
	wall := c.time(t).WallMs
	c.baseMono, c.baseWorld = origin, t
	c.wallZero = wall - int64(origin)/int64(time.Millisecond)
}

// jumpWall moves the wall clock, forward or back.
func (c *clock) jumpWall(ms int64) { c.wallZero += ms }
