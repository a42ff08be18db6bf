package check

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/checker"
	"example.com/lockstep/sim/property"
)

func TestAProduceThatManyOthersOvertakeIsReported(t *testing.T) {
	var h checker.History
	moment := func(at int) checker.Moment {
		return checker.Moment{At: time.Duration(at), Seq: uint64(at)}
	}
	produce := func(client, call, ret int) {
		h.Produces = append(h.Produces, checker.Produce{
			Client: client, Node: 1, Acks: checker.AcksAll, Outcome: checker.Acked,
			Call: moment(call), Return: moment(ret),
		})
	}
	produce(1, 1, 100)
	produce(1, 2, 50) // of the same client: it does not count
	produce(2, 3, 60)
	produce(2, 4, 70)
	produce(2, 5, 101)
	var broken reported
	Turns(&broken, &h, 2)
	require.Empty(t, broken)
	Turns(&broken, &h, 1)
	require.Equal(t, reported{property.NoOvertaking}, broken)
}
