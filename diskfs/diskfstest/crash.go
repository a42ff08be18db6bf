package diskfstest

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/diskfs"
)

const sector = diskfs.SectorSize

// durableFile makes a file with durable name, size and content.
func durableFile(c *client, path string, content []byte) diskfs.Handle {
	h := c.open(path)
	c.write(h, 0, content)
	c.must(diskfs.Op{Kind: diskfs.SyncFS})
	return h
}

// restart cuts the power and returns a client of the next process.
func (c *client) restart() *client {
	c.sys.Crash()
	return newClient(c.t, c.sys)
}

func syncedWritesSurvive(t *testing.T, open Open) {
	always(t, open, func(t *testing.T, sys System) {
		c := newClient(t, sys)
		h := durableFile(c, "f", fill('o', 3*sector))
		c.write(h, sector-10, fill('n', sector+20))
		c.sync(h)
		want := append(append(fill('o', sector-10), fill('n', sector+20)...),
			fill('o', sector-10)...)
		require.Equal(t, want, c.restart().content("f"))
	})
}

func writeSyncSurvives(t *testing.T, open Open) {
	always(t, open, func(t *testing.T, sys System) {
		c := newClient(t, sys)
		h := durableFile(c, "f", fill('o', sector))
		c.writeSync(h, sector, fill('n', sector)) // grows the file
		c.writeSync(h, 0, fill('m', 2*sector))
		c.writeSync(h, 5*sector, fill('z', 10))
		want := append(fill('m', 2*sector), append(fill(0, 3*sector), fill('z', 10)...)...)
		require.Equal(t, want, c.restart().content("f"))
	})
}

func syncedSizeSurvives(t *testing.T, open Open) {
	always(t, open, func(t *testing.T, sys System) {
		c := newClient(t, sys)
		h := durableFile(c, "f", fill('o', 3*sector))
		c.must(diskfs.Op{Kind: diskfs.Truncate, Handle: h, Size: 100})
		c.must(diskfs.Op{Kind: diskfs.Truncate, Handle: h, Size: 2 * sector})
		c.sync(h)
		c = c.restart()
		require.Equal(t, append(fill('o', 100), fill(0, 2*sector-100)...), c.content("f"))
	})
}

func syncCoversCompletedOnly(t *testing.T, open Open) {
	sometimes(t, open, "a write in flight with the sync survives", func(sys System) bool {
		c := newClient(t, sys)
		h := durableFile(c, "f", fill('o', sector))
		write := c.submit(diskfs.Op{Kind: diskfs.Write, Handle: h, Data: fill('n', sector)})
		sync := c.submit(diskfs.Op{Kind: diskfs.Sync, Handle: h})
		require.NoError(t, c.wait(write).Err)
		require.NoError(t, c.wait(sync).Err)
		return bytes.Equal(fill('n', sector), c.restart().content("f"))
	})
}

func writeSyncVouchesForItselfOnly(t *testing.T, open Open) {
	sometimes(t, open, "a write before a writesync survives", func(sys System) bool {
		c := newClient(t, sys)
		h := durableFile(c, "f", fill('o', 2*sector))
		c.write(h, 0, fill('n', sector))
		c.writeSync(h, sector, fill('s', sector))
		got := c.restart().content("f")
		require.Equal(t, fill('s', sector), got[sector:])
		return bytes.Equal(fill('n', sector), got[:sector])
	})
}

func createdNameNeedsSyncDir(t *testing.T, open Open) {
	sometimes(t, open, "an unsynced name survives", func(sys System) bool {
		c := newClient(t, sys)
		c.writeSync(c.open("lost"), 0, []byte("data"))
		c.sync(c.open("lost2")) // syncing the file does not sync its name
		h := c.open("kept")
		c.writeSync(h, 0, []byte("data"))
		kept := c.restart().content("lost")
		require.True(t, kept == nil || string(kept) == "data")
		return kept != nil
	})
	always(t, open, func(t *testing.T, sys System) {
		c := newClient(t, sys)
		h := c.open("f")
		c.syncDir(".")
		c.writeSync(h, 0, []byte("data"))
		require.Equal(t, "data", string(c.restart().content("f")))
	})
}

func nameInNewDirectory(t *testing.T, open Open) {
	run := func(sys System, syncRoot bool) []byte {
		c := newClient(t, sys)
		c.mkdir("d")
		c.writeSync(c.open("d/f"), 0, []byte("data"))
		c.syncDir("d")
		if syncRoot {
			c.syncDir(".")
		}
		return c.restart().content("d/f")
	}
	sometimes(t, open, "a directory survives although its name is not synced",
		func(sys System) bool {
			return run(sys, false) != nil
		})
	always(t, open, func(t *testing.T, sys System) {
		require.Equal(t, "data", string(run(sys, true)))
	})
}

func renamedName(t *testing.T, open Open) {
	run := func(sys System, syncDir bool) []string {
		c := newClient(t, sys)
		c.mkdir("d")
		durableFile(c, "d/a", []byte("new"))
		durableFile(c, "d/b", []byte("replaced"))
		c.must(diskfs.Op{Kind: diskfs.Rename, Path: "d/a", To: "d/b"})
		if syncDir {
			c.syncDir("d")
		}
		return c.restart().list("d")
	}
	renamed := []string{"b:3"}
	sometimes(t, open, "an unsynced rename survives", func(sys System) bool {
		got := run(sys, false)
		require.Contains(t, [][]string{renamed, {"a:3", "b:8"}}, got)
		return len(got) == 1
	})
	always(t, open, func(t *testing.T, sys System) { require.Equal(t, renamed, run(sys, true)) })
}

func removedName(t *testing.T, open Open) {
	run := func(sys System, syncDir bool) bool {
		c := newClient(t, sys)
		durableFile(c, "f", []byte("data"))
		c.must(diskfs.Op{Kind: diskfs.Remove, Path: "f"})
		if syncDir {
			c.syncDir(".")
		}
		got := c.restart().content("f")
		require.True(t, got == nil || string(got) == "data")
		return got == nil
	}
	sometimes(t, open, "an unsynced removal survives", func(sys System) bool {
		return run(sys, false)
	})
	always(t, open, func(t *testing.T, sys System) {
		require.True(t, run(sys, true), "file came back")
	})
}

func syncFSCoversAll(t *testing.T, open Open) {
	always(t, open, func(t *testing.T, sys System) {
		c := newClient(t, sys)
		durableFile(c, "old", []byte("old"))
		durableFile(c, "gone", []byte("gone"))
		c.mkdir("d")
		c.mkdir("d/e")
		c.write(c.open("d/e/f"), 0, fill('x', sector+1))
		c.must(diskfs.Op{Kind: diskfs.Rename, Path: "old", To: "d/new"})
		c.must(diskfs.Op{Kind: diskfs.Remove, Path: "gone"})
		c.must(diskfs.Op{Kind: diskfs.SyncFS})
		c = c.restart()
		require.Equal(t, []string{"d/"}, c.list("."))
		require.Equal(t, []string{"e/", "new:3"}, c.list("d"))
		require.Equal(t, "old", string(c.content("d/new")))
		require.Equal(t, fill('x', sector+1), c.content("d/e/f"))
	})
}

func crashLosesAnySubset(t *testing.T, open Open) {
	needCrash(t, open)
	outcomes := map[string]bool{}
	for seed := range uint64(4 * seeds) {
		c := newClient(t, open(t, seed))
		h := durableFile(c, "f", fill('o', 3*sector))
		c.write(h, 0, fill('1', sector))
		c.write(h, sector, fill('2', sector))
		got := c.restart().content("f")
		require.Len(t, got, 3*sector)
		require.Equal(t, fill('o', sector), got[2*sector:], "a neighbour that was durable changed")
		outcome := ""
		for i, want := range []byte{'1', '2'} {
			part := got[i*sector : (i+1)*sector]
			switch olds, news := bytes.Count(part, []byte{'o'}), bytes.Count(part, []byte{want}); {
			case olds == sector:
				outcome += "lost "
			case news == sector:
				outcome += "kept "
			default:
				require.Equal(t, sector, olds+news,
					"a torn sector holds bytes that were never written")
				outcome += "torn "
			}
		}
		outcomes[outcome] = true
	}
	for _, outcome := range []string{"lost lost ", "lost kept ", "kept lost ", "kept kept "} {
		require.True(t, outcomes[outcome], "never seen: %s", outcome)
	}
}

func renameIsAtomic(t *testing.T, open Open) {
	always(t, open, func(t *testing.T, sys System) {
		c := newClient(t, sys)
		c.mkdir("d")
		durableFile(c, "current", []byte("v1"))
		durableFile(c, "tmp", []byte("v2"))
		c.must(diskfs.Op{Kind: diskfs.Rename, Path: "tmp", To: "d/step"})
		c.must(diskfs.Op{Kind: diskfs.Rename, Path: "d/step", To: "current"})
		c = c.restart()
		current, tmp, step := string(c.content("current")), string(c.content("tmp")),
			string(c.content("d/step"))
		switch {
		case current == "v2":
			require.Empty(t, tmp+step)
		case current == "v1":
			require.Equal(t, "v2", tmp+step, "the file is under neither name or under both")
		default:
			t.Fatalf("the name current vanished or holds %q", current)
		}
	})
}

func inFlightAtCrash(t *testing.T, open Open) {
	sometimes(t, open, "a write in flight survives", func(sys System) bool {
		c := newClient(t, sys)
		h := durableFile(c, "f", fill('o', sector))
		before := len(c.done)
		c.submit(diskfs.Op{Kind: diskfs.WriteSync, Handle: h, Data: fill('n', sector)})
		c.submit(diskfs.Op{Kind: diskfs.Rename, Path: "f", To: "g"})
		next := c.restart()
		f, g := next.content("f"), next.content("g")
		for sys.Pump() {
		}
		require.Len(t, c.done, before, "a completion reached a process that is gone")
		require.True(t, (f == nil) != (g == nil), "the file has both names or none")
		got := append(f, g...)
		require.Equal(t, sector, bytes.Count(got, []byte{'o'})+bytes.Count(got, []byte{'n'}))
		return bytes.Contains(got, []byte{'n'})
	})
}

func failedWriteLeavesMixture(t *testing.T, open Open) {
	needFail(t, open)
	for _, kind := range []diskfs.Kind{diskfs.Write, diskfs.WriteSync} {
		sometimes(t, open, "a failed write changed something", func(sys System) bool {
			c := newClient(t, sys)
			h := durableFile(c, "f", fill('o', 4*sector))
			sys.Fail(kind)
			err := c.do(diskfs.Op{
				Kind: kind, Handle: h, Offset: sector, Data: fill('n', 2*sector),
			}).Err
			require.ErrorIs(t, err, diskfs.ErrIO)
			c.sync(h)
			for _, got := range [][]byte{c.content("f"), c.restart().content("f")} {
				require.Equal(t, fill('o', sector), got[:sector])
				require.Equal(t, fill('o', sector), got[3*sector:])
				olds, news := bytes.Count(got, []byte{'o'}), bytes.Count(got, []byte{'n'})
				require.Equal(t, 4*sector, olds+news)
				if news > 0 {
					return true
				}
			}
			return false
		})
	}
}

func uncachedSyncShowsTheMedium(t *testing.T, open Open) {
	uncached := func(c *client, h diskfs.Handle) {
		c.must(diskfs.Op{Kind: diskfs.Sync, Flags: diskfs.Uncached, Handle: h})
	}
	c := newClient(t, open(t, 1))
	h := durableFile(c, "f", fill('o', sector))
	c.write(h, 0, fill('n', sector))
	uncached(c, h)
	require.Equal(t, fill('n', sector), c.read(h, 0, sector))

	needFail(t, open)
	sometimes(t, open, "a failed sync leaves in memory what is not durable", func(sys System) bool {
		c := newClient(t, sys)
		h := durableFile(c, "f", fill('o', 4*sector))
		c.write(h, 0, fill('n', 4*sector))
		sys.Fail(diskfs.Sync)
		require.ErrorIs(t, c.do(diskfs.Op{Kind: diskfs.Sync, Handle: h}).Err, diskfs.ErrIO)
		cached := c.read(h, 0, 4*sector)
		uncached(c, h)
		seen := c.read(h, 0, 4*sector)
		require.Equal(t, seen, c.restart().content("f"))
		return !bytes.Equal(cached, seen)
	})
}

func failedSyncPromisesNothing(t *testing.T, open Open) {
	needFail(t, open)
	sometimes(t, open, "bytes of a failed sync survive", func(sys System) bool {
		c := newClient(t, sys)
		h := durableFile(c, "f", fill('o', sector))
		c.write(h, 0, fill('n', sector))
		sys.Fail(diskfs.Sync)
		require.ErrorIs(t, c.do(diskfs.Op{Kind: diskfs.Sync, Handle: h}).Err, diskfs.ErrIO)
		c.sync(h) // the retry succeeds although the bytes may be lost
		return bytes.Equal(fill('n', sector), c.restart().content("f"))
	})
}
