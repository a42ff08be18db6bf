package world

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Each case is one bug as runs with two different seeds reported it.
func TestOneBugHasOneFingerprintUnderAllSeeds(t *testing.T) {
	stack := func(receiver, line string) string {
		return "goroutine 1 [running]:\nruntime/debug.Stack()\n\truntime/debug/stack.go:26 " +
			"+0x5e\n" +
			"example.com/lockstep/sim/world.(*Node).panicked(0x19fade950d00, 0x19fadea60680?, " +
			"{0xe441e0?, 0x19fadf068c40?})\n\tlockstep/sim/node.go:209 +0x119\n" +
			"panic({0xe441e0?, 0x19fadf068c40?})\n\truntime/panic.go:860 +0x13a\n" +
			"example.com/lockstep/broker/assert.That(...)\n" +
			"\tlockstep/broker/assert/assert.go:18\n" +
			"example.com/lockstep/broker/replica.(*Leader).Acked(" + receiver +
			", {0xdea5b2c0?, 0x19fadf3a08d0?}, 0x5f, " +
			"0xc0b6942e361b3)\n\tlockstep/broker/replica/leader.go:" + line + "\n" +
			"example.com/lockstep/broker/shard.(*Shard).onPushAck(" + receiver +
			")\n\tlockstep/broker/shard/replicate.go:179 +0x96\n" +
			"example.com/lockstep/broker/shard.(*Shard).onLink(...)\n" +
			"\tlockstep/broker/shard/link.go:106 +0x25f\n"
	}
	bound := "after healing, everything pending ends within the bound"
	for _, c := range []struct {
		slug string
		a, b Failure
	}{
		{
			"every-assertion-holds-replica-node-acknowledged-beyond-the-log-",
			Failure{Property: "every assertion holds", Where: "b1 loop 2",
				Symptom: "assertion failed: replica: node 3 acknowledged 2036 beyond the log end " +
					"2024", Stack: stack("0x1", "207 +0x1")},
			Failure{Property: "every assertion holds", Where: "b3 loop 1",
				Symptom: "assertion failed: replica: node 2 acknowledged 138 beyond the log end " +
					"134", Stack: stack("0x2", "219 +0x2")},
		},
		{
			"p1-ack-before-durable-",
			Failure{Property: "P1: acknowledged records are durable", Symptom: "ack-before-durable",
				Detail: "offsets 228–231 of a1c86d370564477491e49f615b7e7e65/0"},
			Failure{Property: "P1: acknowledged records are durable", Symptom: "ack-before-durable",
				Detail: "offsets 4–6 of 5c770c6f253b4a9cbbaf4151f5b340c1/0"},
		},
		{
			"after-healing-everything-pending-is-fenced-",
			Failure{Property: bound, Where: "1m0s", Symptom: "b3 is fenced"},
			Failure{Property: bound, Where: "30s", Symptom: "b11 is fenced"},
		},
		{
			"after-healing-everything-pending-has-isr-of-leader-",
			Failure{Property: bound, Symptom: "t0/0 has ISR [1 2] of [1 2 3], leader 1"},
			Failure{Property: bound, Symptom: "t1/2 has ISR [] of [3 4], leader -1"},
		},
		{
			"a-produce-is-late-",
			Failure{Property: "a produce is late",
				Symptom: "after 1.405s, 2m3s and 17µs on a1c86d370564477491e49f615b7e7e65/0"},
			Failure{Property: "a produce is late", Symptom: "after 7h0m0.5s, 2s and 1ns on x3/17"},
		},
	} {
		require.Equal(t, c.a.Fingerprint(), c.b.Fingerprint(), "%s\n%s", shapeOf(c.a.Symptom),
			shapeOf(c.b.Symptom))
		require.Contains(t, c.a.Fingerprint(), c.slug)
	}
}

func TestDifferentBugsHaveDifferentFingerprints(t *testing.T) {
	base := Failure{Property: "every assertion holds",
		Symptom: "assertion failed: wal: release of 7",
		Stack:   module + "broker/wal.(*WAL).Release(0x1)\n"}
	other := []Failure{base, base, base}
	other[0].Property = "no code of a node panics"
	other[1].Symptom = "assertion failed: wal: truncation of 7"
	other[2].Stack = module + "broker/wal.(*WAL).Recover(0x1)\n"
	for _, f := range other {
		require.NotEqual(t, base.Fingerprint(), f.Fingerprint())
	}
	same := base
	same.Where, same.Detail, same.At = "b1 loop 2", "at length", 5
	same.Stack = module + "sim/world.(*loopHost).step(0x1)\n" + base.Stack
	require.Equal(t, base.Fingerprint(), same.Fingerprint())
}
