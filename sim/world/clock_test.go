package world

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"example.com/lockstep/broker/env"
)

func TestClockNeverGoesBackAndItsInverseIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := clock{baseMono: env.Instant(rapid.Int64Range(0, 1<<50).Draw(t, "origin"))}
		now := env.Instant(0)
		last := c.mono(0)
		for range rapid.IntRange(1, 20).Draw(t, "steps") {
			if rapid.Bool().Draw(t, "drift") {
				c.setDrift(now, rapid.Int64Range(-500_000, 500_000).Draw(t, "ppm"))
			}
			require.GreaterOrEqual(t, c.mono(now), last)
			last = c.mono(now)
			due := last + env.Instant(rapid.Int64Range(1, int64(5*time.Hour)).Draw(t, "timer"))
			at := c.world(due)
			require.GreaterOrEqual(t, c.mono(at), due, "a timer is never early")
			require.Less(t, c.mono(at-1), due, "nor later than the clock's grain")
			now += env.Instant(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "step"))
		}
	})
}

func TestClockDriftsInPartsPerMillion(t *testing.T) {
	c := clock{driftPpm: 50_000}
	hours := env.Instant(4 * time.Hour)
	require.Equal(t, hours+hours/20, c.mono(hours))
	c = clock{driftPpm: -50_000}
	require.Equal(t, hours-hours/20, c.mono(hours))
}

func TestClockInverseOfTheFarFutureIsNever(t *testing.T) {
	c := clock{}
	require.Equal(t, env.Never, c.world(env.Never))
	require.Equal(t, env.Never, c.world(env.Never-1))
	require.Equal(t, env.Instant(0), c.world(-5))
}

func TestWallClockJumpsAloneAndSurvivesReboot(t *testing.T) {
	c := clock{baseMono: env.Instant(time.Hour), wallZero: 1000}
	before := c.time(env.Instant(time.Second))
	c.jumpWall(-5000)
	after := c.time(env.Instant(time.Second))
	require.Equal(t, before.Mono, after.Mono)
	require.Equal(t, before.WallMs-5000, after.WallMs)
	c.reboot(env.Instant(time.Second), 7)
	booted := c.time(env.Instant(time.Second))
	require.Equal(t, env.Instant(7), booted.Mono)
	require.InDelta(t, after.WallMs, booted.WallMs, 1)
}
