package shard

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// A list does what a slice of distinct partitions does. While the caller walks what take returned,
// partitions may join the list; they are in it then, and do not disturb the walk.
func TestAListIsASliceOfDistinctPartitions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := newLists()
		l := &all.touched
		parts := make([]*part, 5)
		for i := range parts {
			parts[i] = new(part)
			all.all(func(other *list) {
				if other != l {
					other.add(parts[i])
				}
			})
		}
		var model []*part
		add := func(p *part) {
			l.add(p)
			if !slices.Contains(model, p) {
				model = append(model, p)
			}
		}
		some := rapid.SampledFrom(parts)
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) { add(some.Draw(t, "part")) },
			"remove": func(t *rapid.T) {
				p := some.Draw(t, "part")
				l.remove(p)
				model = slices.DeleteFunc(model, func(q *part) bool { return q == p })
			},
			"remove first": func(t *rapid.T) {
				if len(model) == 0 {
					t.Skip()
				}
				require.Same(t, model[0], l.removeFirst())
				model = model[1:]
			},
			"take": func(t *rapid.T) {
				want := model
				model = nil
				taken := l.take()
				require.Len(t, taken, len(want))
				for i := range taken {
					require.Same(t, want[i], taken[i])
					for _, p := range rapid.SliceOfN(some, 0, 3).Draw(t, "joins") {
						add(p)
					}
				}
			},
			"": func(t *rapid.T) {
				require.Equal(t, len(model) == 0, l.empty())
				require.Len(t, l.parts, len(model))
				for i := range model {
					require.Same(t, model[i], l.parts[i])
				}
				for _, p := range parts {
					require.Equal(t, slices.Contains(model, p), l.has(p))
				}
				all.all(func(other *list) {
					if other != l {
						require.True(t, slices.Equal(parts, other.parts), "disturbed")
					}
				})
			},
		})
	})
}
