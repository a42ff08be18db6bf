package world

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/loop"
)

// dumped is a loop with every kind of value that a state can have.
type dumped struct {
	number   int
	name     string
	list     []*dumpedPart
	byName   map[string]*dumpedPart
	bytes    []byte
	id       [4]byte
	self     *dumped
	any      any
	callback func()
	host     loop.Host
	empty    *dumpedPart //lint:ignore U1000 a dump leaves it out because it is nil
}

type dumpedPart struct{ x int }

func (*dumped) Start(env.Time)             {}
func (*dumped) Step(env.Time, *loop.Event) {}
func (*dumped) EndTurn(env.Time)           {}
func (*dumped) NextTimer() env.Instant     { return env.Never }

func newDumped() *dumped {
	a, b := &dumpedPart{1}, &dumpedPart{2}
	d := &dumped{
		number: 7, name: "n", list: []*dumpedPart{b, a},
		byName: map[string]*dumpedPart{"b": b, "a": a},
		bytes:  make([]byte, 100), id: [4]byte{1, 2, 3, 4}, any: *a, callback: func() {},
		host: &loopHost{},
	}
	d.self = d
	return d
}

func TestADumpNamesEveryFieldAndNoAddress(t *testing.T) {
	want := []string{
		".number = 7", `.name = "n"`, ".list[0].x = 2", ".list[1].x = 1",
		`.byName["a"] = as .list[1](dumpedPart)`, `.byName["b"] = as .list[0](dumpedPart)`,
		".bytes = 100 bytes, ", ".id = 01020304", ".self = as (dumped)", ".any.x = 1",
		".callback = a function",
	}
	got := dumpState(newDumped(), nil)
	require.Len(t, got, len(want), "%q", got)
	for i := range want {
		require.True(t, strings.HasPrefix(got[i], want[i]), "%s, not %s", got[i], want[i])
	}
	for range 10 {
		require.Equal(t, got, dumpState(newDumped(), nil))
	}
}

func TestADumpFoldsLongLists(t *testing.T) {
	d := &dumped{}
	for i := range 1000 {
		d.list = append(d.list, &dumpedPart{i})
	}
	before := dumpState(d, nil)
	require.Less(t, len(before), 2*dumpShown+20)
	require.Contains(t, before, "len(.list) = 1000")
	d.list[500].x = -1
	after := dumpState(d, nil)
	require.Len(t, newLines(before, after), 1, "a change in the folded part shows")
}
