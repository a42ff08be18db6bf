package virtual_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/diskfs"
	"example.com/lockstep/diskfs/virtual"
)

// A volume keeps its content while another is mounted.
func TestAVolumeIsMountedAgain(t *testing.T) {
	s := &scheduler{}
	fs := virtual.New(s, entropy(1), virtual.Options{})
	mkdir := func(dir string) {
		p := fs.Start()
		p.Disk(func(c diskfs.Completion) { require.NoError(t, c.Err) }).
			Submit(diskfs.Op{Kind: diskfs.Mkdir, Path: dir})
		for s.step() {
			continue
		}
		p.Kill()
	}
	mkdir("first")
	away := fs.Mount(nil)
	require.Empty(t, fs.Names("."))
	mkdir("second")
	fs.Mount(away)
	require.Equal(t, []string{"first"}, fs.Names("."))
	require.Equal(t, 2, fs.Mounted())
}
