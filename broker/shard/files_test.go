package shard

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"example.com/lockstep/diskfs"
)

// The files that are really open are never more than the bound, whatever fails, and no Open is
// forgotten.
func TestOpensTakeTurns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := openFiles{bound: rapid.IntRange(1, 5).Draw(t, "bound")}
		var next diskfs.Handle
		opening, open, failed := []diskfs.Handle{}, []diskfs.Handle{}, []diskfs.Handle{}
		take := func(from *[]diskfs.Handle) diskfs.Handle {
			h := (*from)[0]
			*from = (*from)[1:]
			return h
		}
		ended := func(c diskfs.Completion) {
			if op, ok := f.ended(&c); ok {
				opening = append(opening, op.Handle)
			}
		}
		submitted, begun := 0, 0
		t.Repeat(map[string]func(*rapid.T){
			"submit": func(*rapid.T) {
				next++
				submitted++
				if op := (diskfs.Op{Kind: diskfs.Open, Handle: next}); f.admit(op) {
					opening = append(opening, op.Handle)
				}
			},
			"opened": func(t *rapid.T) {
				if len(opening) > 0 {
					begun++
					open = append(open, take(&opening))
					ended(diskfs.Completion{Kind: diskfs.Open})
				}
			},
			"open fails": func(t *rapid.T) {
				if len(opening) > 0 {
					begun++
					failed = append(failed, take(&opening))
					ended(diskfs.Completion{Kind: diskfs.Open, Err: diskfs.ErrUnavailable})
				}
			},
			"close": func(t *rapid.T) {
				switch {
				case len(failed) > 0:
					take(&failed)
					ended(diskfs.Completion{Kind: diskfs.Close, Err: diskfs.ErrClosed})
				case len(open) > 0:
					take(&open)
					ended(diskfs.Completion{Kind: diskfs.Close})
				}
			},
			"": func(t *rapid.T) {
				require.LessOrEqual(t, len(open)+len(opening), f.bound)
				require.Equal(t, submitted, begun+len(opening)+len(f.waiting))
				if len(f.waiting) > 0 {
					require.Equal(t, f.bound, len(open)+len(opening), "an Open waits for nothing")
				}
			},
		})
	})
}
