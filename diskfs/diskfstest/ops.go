package diskfstest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/diskfs"
)

func errorsAreWrapped(t *testing.T, open Open) {
	c := newClient(t, open(t, 1))
	c.open("file")
	c.mkdir("dir")
	c.open("dir/inside")
	closed := diskfs.Handle(1000)
	tests := []struct {
		op   diskfs.Op
		want error // nil: some error that is none of the sentinels
		text []string
	}{
		{diskfs.Op{Kind: diskfs.Open, Path: "a/b", Handle: 501}, diskfs.ErrNotExist,
			[]string{"open", "a/b"}},
		{diskfs.Op{Kind: diskfs.Open, Path: "a/b", Handle: 502, Flags: diskfs.Create},
			diskfs.ErrNotExist, []string{"open", "a/b"}},
		{
			diskfs.Op{
				Kind: diskfs.Open, Path: "file", Handle: 503,
				Flags: diskfs.Create | diskfs.Exclusive,
			}, diskfs.ErrExist, []string{"open", "file"},
		},
		{diskfs.Op{Kind: diskfs.Open, Path: "dir", Handle: 504}, nil, []string{"open", "dir"}},
		{diskfs.Op{Kind: diskfs.Open, Path: "file/x", Handle: 505}, nil,
			[]string{"open", "file/x"}},
		{diskfs.Op{Kind: diskfs.Open, Path: "y", Handle: 506, Flags: diskfs.Exclusive}, nil,
			[]string{"open", "y"}},
		{diskfs.Op{Kind: diskfs.Read, Handle: closed, Data: make([]byte, 1)}, diskfs.ErrClosed,
			[]string{"read", "1000"}},
		{diskfs.Op{Kind: diskfs.Remove, Path: "missing"}, diskfs.ErrNotExist,
			[]string{"remove", "missing"}},
		{diskfs.Op{Kind: diskfs.Remove, Path: "dir"}, nil, []string{"remove", "dir"}},
		{diskfs.Op{Kind: diskfs.Rename, Path: "missing", To: "to"}, diskfs.ErrNotExist,
			[]string{"rename", "missing", "to"}},
		{diskfs.Op{Kind: diskfs.Rename, Path: "file", To: "no/to"}, diskfs.ErrNotExist,
			[]string{"rename", "file", "no/to"}},
		{diskfs.Op{Kind: diskfs.Rename, Path: "dir", To: "dir/below"}, nil,
			[]string{"rename", "dir"}},
		{diskfs.Op{Kind: diskfs.Rename, Path: "file", To: "dir"}, nil, []string{"rename", "dir"}},
		{diskfs.Op{Kind: diskfs.Rename, Path: "dir", To: "file"}, nil, []string{"rename", "file"}},
		{diskfs.Op{Kind: diskfs.Mkdir, Path: "dir"}, diskfs.ErrExist, []string{"mkdir", "dir"}},
		{diskfs.Op{Kind: diskfs.Mkdir, Path: "file"}, diskfs.ErrExist, []string{"mkdir", "file"}},
		{diskfs.Op{Kind: diskfs.Mkdir, Path: "no/parent"}, diskfs.ErrNotExist,
			[]string{"mkdir", "no/parent"}},
		{diskfs.Op{Kind: diskfs.List, Path: "missing"}, diskfs.ErrNotExist,
			[]string{"list", "missing"}},
		{diskfs.Op{Kind: diskfs.List, Path: "file"}, nil, []string{"list", "file"}},
		{diskfs.Op{Kind: diskfs.SyncDir, Path: "missing"}, diskfs.ErrNotExist,
			[]string{"syncdir", "missing"}},
	}
	sentinels := []error{
		diskfs.ErrNotExist, diskfs.ErrExist, diskfs.ErrNoSpace, diskfs.ErrIO, diskfs.ErrClosed,
		diskfs.ErrLocked,
	}
	for _, test := range tests {
		err := c.do(test.op).Err
		require.Error(t, err, "%v %s", test.op.Kind, test.op.Path)
		for _, sentinel := range sentinels {
			if sentinel == test.want {
				require.ErrorIs(t, err, sentinel)
			} else {
				require.NotErrorIs(t, err, sentinel)
			}
		}
		for _, text := range test.text {
			require.ErrorContains(t, err, text)
		}
	}
	require.Equal(t, []string{"dir/", "file:0"}, c.list("."), "a failed operation had an effect")
}

func pathsAreChecked(t *testing.T, open Open) {
	c := newClient(t, open(t, 1))
	for _, path := range []string{
		"", "..", "../x", "a/../b", "/abs", "a//b", "a/", "./a", "a\x00b",
	} {
		for _, op := range []diskfs.Op{
			{Kind: diskfs.Open, Path: path, Flags: diskfs.Create, Handle: c.newHandle()},
			{Kind: diskfs.Mkdir, Path: path}, {Kind: diskfs.Remove, Path: path},
			{Kind: diskfs.RemoveAll, Path: path}, {Kind: diskfs.List, Path: path},
			{Kind: diskfs.Lock, Path: path}, {Kind: diskfs.SyncDir, Path: path},
			{Kind: diskfs.Rename, Path: path, To: "x"}, {Kind: diskfs.Rename, Path: "x", To: path},
		} {
			require.Error(t, c.do(op).Err, "%v %q", op.Kind, path)
		}
	}
	for _, kind := range []diskfs.Kind{diskfs.Remove, diskfs.RemoveAll, diskfs.Mkdir, diskfs.Lock} {
		require.Error(t, c.do(diskfs.Op{Kind: kind, Path: "."}).Err, "%v of the root", kind)
	}
	require.Error(t, c.do(diskfs.Op{
		Kind: diskfs.Read, Handle: c.open("f"), Offset: -1, Data: make([]byte, 2),
	}).Err)
	require.Equal(t, []string{"f:0"}, c.list("."))
}

func opOpen(t *testing.T, open Open) {
	c := newClient(t, open(t, 1))
	h := c.newHandle()
	done := c.must(diskfs.Op{
		Kind: diskfs.Open, Path: "f", Handle: h, Flags: diskfs.Create | diskfs.Exclusive,
	})
	require.Zero(t, done.Size)
	c.write(h, 0, fill(1, 5000))
	for _, flags := range []diskfs.Flags{0, diskfs.Create} {
		done = c.must(diskfs.Op{Kind: diskfs.Open, Path: "f", Handle: c.newHandle(), Flags: flags})
		require.EqualValues(t, 5000, done.Size)
	}
}

func opReadWrite(t *testing.T, open Open) {
	c := newClient(t, open(t, 1))
	h := c.open("f")
	require.Empty(t, c.read(h, 0, 10))
	c.write(h, 10000, []byte("end"))
	require.Equal(t, append(fill(0, 10000), "end"...), c.content("f"), "a gap reads as zero")
	c.write(h, 4090, fill('x', 4106))
	require.Equal(t, append(fill(0, 1), fill('x', 4106)...), c.read(h, 4089, 4107))
	require.Equal(t, "nd", string(c.read(h, 10001, 100)), "short at the end of the file")
	require.Empty(t, c.read(h, 10003, 10))
	require.Empty(t, c.read(h, 1<<40, 10))
	c.write(h, 0, nil)
	c.write(h, 20000, nil)
	require.Len(t, c.content("f"), 10003, "writing nothing does not grow a file")

	other := c.open("f") // a second handle sees the same bytes
	c.write(other, 0, []byte("hello"))
	require.Equal(t, "hello", string(c.read(h, 0, 5)))
}

func opTruncate(t *testing.T, open Open) {
	c := newClient(t, open(t, 1))
	h := c.open("f")
	c.write(h, 0, fill('x', 10000))
	c.must(diskfs.Op{Kind: diskfs.Truncate, Handle: h, Size: 5000})
	require.Equal(t, fill('x', 5000), c.content("f"))
	c.must(diskfs.Op{Kind: diskfs.Truncate, Handle: h, Size: 12000})
	require.Equal(t, append(fill('x', 5000), fill(0, 7000)...), c.content("f"),
		"what was cut must not come back")
	c.must(diskfs.Op{Kind: diskfs.Truncate, Handle: h})
	require.Empty(t, c.content("f"))
	require.NotNil(t, c.content("f"))
}

func opAllocate(t *testing.T, open Open) {
	c := newClient(t, open(t, 1))
	h := c.open("f")
	c.write(h, 0, fill('x', 10000))
	c.must(diskfs.Op{Kind: diskfs.Allocate, Handle: h, Offset: 5000, Size: 1<<20 + 7})
	want := append(fill('x', 5000), fill(0, 1<<20+7)...)
	require.Equal(t, want, c.content("f"))
	c.must(diskfs.Op{Kind: diskfs.Allocate, Handle: h, Offset: 0, Size: 10})
	require.Len(t, c.content("f"), len(want), "allocating inside does not shrink")
}

func opRename(t *testing.T, open Open) {
	c := newClient(t, open(t, 1))
	c.mkdir("d")
	a, b := c.open("a"), c.open("b")
	c.write(a, 0, []byte("from a"))
	c.write(b, 0, []byte("from b"))
	c.must(diskfs.Op{Kind: diskfs.Rename, Path: "a", To: "b"})
	require.Equal(t, "from a", string(c.content("b")))
	require.Equal(t, "from b", string(c.read(b, 0, 10)),
		"the handle of the replaced file stays good")
	c.write(a, 0, []byte("FROM")) // the handle of the moved file stays good, too
	c.must(diskfs.Op{Kind: diskfs.Rename, Path: "b", To: "d/c"})
	require.Equal(t, "FROM a", string(c.content("d/c")))
	c.must(diskfs.Op{Kind: diskfs.Rename, Path: "d", To: "e"})
	require.Equal(t, "FROM a", string(c.content("e/c")))
	c.must(diskfs.Op{Kind: diskfs.Rename, Path: "e/c", To: "e/c"})
	require.Equal(t, []string{"e/"}, c.list("."))
	require.Equal(t, []string{"c:6"}, c.list("e"))
}

func opRemove(t *testing.T, open Open) {
	c := newClient(t, open(t, 1))
	h := c.open("f")
	c.write(h, 0, []byte("data"))
	c.must(diskfs.Op{Kind: diskfs.Remove, Path: "f"})
	require.Nil(t, c.content("f"))
	require.Equal(t, "data", string(c.read(h, 0, 10)), "an open file outlives its name")
	c.write(h, 4, []byte("more"))
	c.sync(h)
	c.must(diskfs.Op{Kind: diskfs.Close, Handle: h})

	c.mkdir("d")
	c.mkdir("d/e")
	c.open("d/e/f")
	c.must(diskfs.Op{Kind: diskfs.RemoveAll, Path: "d"})
	c.must(diskfs.Op{Kind: diskfs.RemoveAll, Path: "d"})
	c.must(diskfs.Op{Kind: diskfs.RemoveAll, Path: "no/such/parent"})
	c.mkdir("d")
	c.must(diskfs.Op{Kind: diskfs.Remove, Path: "d"})
	require.Empty(t, c.list("."))
}

func opDirectories(t *testing.T, open Open) {
	c := newClient(t, open(t, 1))
	require.Empty(t, c.list("."))
	c.mkdir("m")
	for _, name := range []string{"m/z", "m/a", "m/10", "m/9"} {
		c.open(name)
	}
	c.mkdir("m/k")
	c.write(c.open("m/k/deep"), 0, fill(1, 42))
	require.Equal(t, []string{"10:0", "9:0", "a:0", "k/", "z:0"}, c.list("m"))
	require.Equal(t, []string{"deep:42"}, c.list("m/k"))
	c.syncDir("m/k")
	c.syncDir(".")
}

func opSpace(t *testing.T, open Open) {
	c := newClient(t, open(t, 1))
	require.Positive(t, c.must(diskfs.Op{Kind: diskfs.Space}).Size)
}

func opLock(t *testing.T, open Open) {
	sys := open(t, 1)
	first, second := newClient(t, sys), newClient(t, sys)
	first.must(diskfs.Op{Kind: diskfs.Lock, Path: "lock"})
	require.Equal(t, []string{"lock:0"}, first.list("."))
	err := second.do(diskfs.Op{Kind: diskfs.Lock, Path: "lock"}).Err
	require.ErrorIs(t, err, diskfs.ErrLocked)
	require.ErrorContains(t, err, "lock")
	second.must(diskfs.Op{Kind: diskfs.Lock, Path: "other"})
	first.must(diskfs.Op{Kind: diskfs.Lock, Path: "lock"})
	if sys.Crash == nil {
		return
	}
	second.restart().must(diskfs.Op{Kind: diskfs.Lock, Path: "lock"})
}
