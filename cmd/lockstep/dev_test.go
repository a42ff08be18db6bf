package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDevAddressesDoNotCollide(t *testing.T) {
	nodes, err := devNodes(devOptions{nodes: 3, basePort: 9092})
	require.NoError(t, err)
	require.Equal(t, []devNode{
		{1, "127.0.0.1:9092", "127.0.0.1:9192", "127.0.0.1:9292", "127.0.0.1:9392"},
		{2, "127.0.0.1:9093", "127.0.0.1:9193", "127.0.0.1:9293", "127.0.0.1:9393"},
		{3, "127.0.0.1:9094", "127.0.0.1:9194", "127.0.0.1:9294", "127.0.0.1:9394"},
	}, nodes)
	require.Equal(t, "127.0.0.1:9092,127.0.0.1:9093,127.0.0.1:9094", bootstrapServers(nodes))

	most, err := devNodes(devOptions{
		nodes: devNodesMax, basePort: 65535 - devReplicationShift - devNodesMax + 1,
	})
	require.NoError(t, err)
	seen := map[string]bool{}
	for _, n := range most {
		for _, addr := range []string{n.kafka, n.http, n.control, n.replication} {
			require.False(t, seen[addr], addr)
			seen[addr] = true
			_, _, err := splitAddress(addr)
			require.NoError(t, err)
		}
	}
	for _, bad := range []devOptions{
		{nodes: 0, basePort: 9092},
		{nodes: 101, basePort: 9092},
		{nodes: 1, basePort: 0},
		{nodes: 1, basePort: 65400},
	} {
		_, err := devNodes(bad)
		require.Error(t, err)
	}
}

func TestServeAcceptsTheConfigsOfDev(t *testing.T) {
	for size, want := range map[int][2]int64{1: {1, 1}, 2: {2, 2}, 3: {3, 2}, 5: {3, 2}} {
		o := devOptions{nodes: size, basePort: 9092, dir: filepath.Join(t.TempDir(), `a\b`)}
		nodes, err := devNodes(o)
		require.NoError(t, err)
		d, err := openDevDir(o)
		require.NoError(t, err)
		defer d.unlock()
		require.NoError(t, d.writeConfigs(nodes, o))
		for _, n := range nodes {
			c, err := loadBrokerConfig(serveOptions{
				configFile: filepath.Join(d.nodeDir(n), "server.properties"),
			}, nil)
			require.NoError(t, err)
			require.Equal(t, want, [2]int64{c.replicationFactor, c.minInSync})
			require.Equal(t, d.cluster, c.clusterHex())
			require.Equal(t, filepath.Join(d.nodeDir(n), "data"), c.dir)
			require.Equal(t, []string{n.kafka, n.control, n.replication, n.http},
				[]string{c.advertised, c.control, c.advertisedReplication, c.http})
			require.Len(t, c.voters, size)
		}
	}
}

func TestDevDirKeepsItsClusterUntilFresh(t *testing.T) {
	o := devOptions{nodes: 3, basePort: 9092, dir: filepath.Join(t.TempDir(), "dev")}
	open := func(o devOptions) string {
		t.Helper()
		d, err := openDevDir(o)
		require.NoError(t, err)
		defer d.unlock()
		return d.cluster
	}
	first := open(o)
	require.Len(t, first, 32)
	require.Equal(t, first, open(o))

	other := o
	other.nodes = 5
	_, err := openDevDir(other)
	require.ErrorContains(t, err, "made with nodes=3, not 5")

	require.NoError(t, os.MkdirAll(filepath.Join(o.dir, "node-1", "data"), 0o755))
	other.fresh = true
	require.NotEqual(t, first, open(other))
	require.NoDirExists(t, filepath.Join(o.dir, "node-1"))
}

func TestOneDevPerDirectory(t *testing.T) {
	o := devOptions{nodes: 1, basePort: 9092, dir: filepath.Join(t.TempDir(), "dev")}
	d, err := openDevDir(o)
	require.NoError(t, err)
	defer d.unlock()
	o.fresh = true
	_, err = openDevDir(o)
	require.ErrorContains(t, err, "in use")
}

func TestFreshRefusesOtherDirectories(t *testing.T) {
	dir := t.TempDir()
	precious := filepath.Join(dir, "thesis.tex")
	require.NoError(t, os.WriteFile(precious, nil, 0o600))
	_, err := openDevDir(devOptions{nodes: 1, basePort: 9092, dir: dir, fresh: true})
	require.ErrorContains(t, err, "was not made by lockstep dev")
	require.FileExists(t, precious)
}
