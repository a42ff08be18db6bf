package loop

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"example.com/lockstep/broker/env"
)

// After any sequence of Set, Cancel and Pop the timers agree with a sorted slice.
func TestTimersMatchASortedSlice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type entry struct {
			at env.Instant
			id int
		}
		var timers Timers[int]
		var model []entry
		handles := map[int]*Timer[int]{}
		for id := range rapid.IntRange(1, 60).Draw(t, "steps") {
			switch rapid.IntRange(0, 3).Draw(t, "what") {
			case 0, 1:
				at := env.Instant(rapid.IntRange(0, 20).Draw(t, "at"))
				handles[id] = timers.Set(at, id)
				i, _ := slices.BinarySearchFunc(model, at, func(e entry, at env.Instant) int {
					if e.at <= at {
						return -1
					}
					return 1
				})
				model = slices.Insert(model, i, entry{at, id})
			case 2:
				if len(model) > 0 {
					i := rapid.IntRange(0, len(model)-1).Draw(t, "victim")
					timers.Cancel(handles[model[i].id])
					require.False(t, handles[model[i].id].Live())
					model = slices.Delete(model, i, i+1)
				}
			case 3:
				now := env.Instant(rapid.IntRange(0, 20).Draw(t, "now"))
				got, ok := timers.Pop(now)
				require.Equal(t, len(model) > 0 && model[0].at <= now, ok)
				if ok {
					require.Equal(t, model[0].id, got)
					timers.Cancel(handles[got]) // fired: no effect
					model = model[1:]
				}
			}
			require.Equal(t, len(model), timers.Len())
			if len(model) > 0 {
				require.Equal(t, model[0].at, timers.Next())
			} else {
				require.Equal(t, env.Never, timers.Next())
			}
		}
	})
}
