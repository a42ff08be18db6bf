package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDirectionsWithinTheModule(t *testing.T) {
	ours := func(pkgs ...string) string {
		for i := range pkgs {
			pkgs[i] = module + "/" + pkgs[i]
		}
		return importing(pkgs...)
	}
	for _, c := range []struct {
		pkg, imported string
		want          string // "" is allowed
	}{
		{"broker/kafka", "broker/assert", "must not import broker/assert"},
		{"broker/env", "broker/kafka", "must not import"},
		{"broker/wal", "broker/kafka", ""},
		{"broker/wal", "diskfs", ""},
		{"broker/wal", "netsim", "must not import netsim"},
		{"broker/wal", "broker/partition", "wire it in shard or node"},
		{"broker/wal", "broker/replica", "wire it in shard or node"},
		{"broker/partition", "broker/wal", "wire it in shard or node"},
		{"broker/partition", "broker/replica", "wire it in shard or node"},
		{"broker/replica", "broker/wal", "wire it in shard or node"},
		{"broker/replica", "broker/partition", "wire it in shard or node"},
		{"broker/batch", "broker/wire", "must not import"},
		{"broker/meta", "broker/wire/peer", ""},
		{"broker/api", "broker/shard", "an interface drawn by the consumer"},
		{"broker/api", "broker/wal", "must not import"},
		{"broker/shard", "broker/api", ""},
		{"broker/shard", "broker/node", "must not import"},
		{"broker/node", "broker/shard", ""},
		{"broker/loop", "netsim", ""},
		{"broker/loop", "broker/shard", "must not import"},
		{"broker/shard", "broker/drive", "take a loop.Host"},
		{"broker/shard", "sim", "must not import sim"},
		{"broker/shard", "netsim/virtual", "must not import"},
		{"broker/shard", "netsim/tcp", "take a netsim.Network"},
		{"broker/drive", "diskfs/osfs", "take a diskfs.Disk"},
		{"broker/drive", "broker/node", ""},
		{"broker/drive", "sim", "must not import the simulator"},
		{"netsim", "diskfs", "must not import"},
		{"diskfs", "broker/kafka", "must not import"},
		{"netsim/tcp", "netsim", ""},
		{"netsim/virtual", "sim", "edgeImports"},
		{"netsim/virtual", "broker/node", "edgeImports"},
		{"netsim/tcp", "broker/shard", "edgeImports"},
		{"diskfs/osfs", "broker/kafka", "edgeImports"},
		{"diskfs/virtual", "broker/env", ""},
		{"sim", "cmd/lockstep", "nothing imports cmd"},
		{"sim/world", "netsim/virtual", ""},
		{"sim/world", "netsim/tcp", "take a netsim.Network"},
		{"sim/world", "diskfs/osfs", "take a diskfs.Disk"},
		{"sim/kafka", "broker/drive", "take a loop.Host"},
		{"broker/drive", "cmd/lockstep", "nothing imports cmd"},
		{"checker", "broker/kafka", "the checker shares no code"},
		{"checker", "sim", "the checker shares no code"},
		{"sim/plan", "broker/env", ""},
		{"sim/plan", "sim/property", "simImports"},
		{"sim/plan", "sim/world", "simImports"},
		{"sim/plan", "diskfs/virtual", "simImports"},
		{"sim/property", "sim/plan", "simImports"},
		{"sim/world", "sim/plan", ""},
		{"sim/world", "broker/wait", ""},
		{"sim/world", "broker/kafka", "simImports"},
		{"sim/world", "broker/meta", "simImports"},
		{"sim/world", "broker/node", "simImports"},
		{"sim/world", "broker/shard", "simImports"},
		{"sim/world", "broker/wire/peer", "simImports"},
		{"sim/world", "checker", "simImports"},
		{"sim/world", "sim/toy", "simImports"},
		{"sim/world", "sim/kafka", "simImports"},
		{"sim/world", "sim/recording", "simImports"},
		{"sim/world", "sim/scenario", "simImports"},
		{"sim/toy", "sim/world", ""},
		{"sim/toy", "sim/kafka", "simImports"},
		{"sim/toy", "broker/kafka", "simImports"},
		{"sim/toy", "checker", "simImports"},
		{"sim/kafka/history", "checker", ""},
		{"sim/kafka/history", "sim/kafka/check", "simImports"},
		{"sim/kafka/check", "broker/shard", ""},
		{"sim/kafka/check", "sim/kafka/client", "simImports"},
		{"sim/kafka/check", "sim/kafka", "simImports"},
		{"sim/kafka/client", "sim/kafka/check", ""},
		{"sim/kafka/client", "sim/kafka", "simImports"},
		{"sim/kafka", "broker/node", ""},
		{"sim/kafka", "sim/kafka/client", ""},
		{"sim/kafka", "sim/toy", "simImports"},
		{"sim/kafka", "sim/recording", "simImports"},
		{"sim/kafka", "sim/scenario", "simImports"},
		{"sim/recording", "sim/report", ""},
		{"sim/recording", "sim/kafka", "simImports"},
		{"sim/recording", "sim/scenario", "simImports"},
		{"sim/scenario", "scenarios", ""},
		{"sim/scenario", "sim/kafka", ""},
		{"sim/scenario", "sim/kafka/client", "simImports"},
		{"sim/scenario", "sim/recording", "simImports"},
		{"sim/scenario", "sim", "simImports"},
		{"sim", "sim/scenario", ""},
		{"sim", "checker", ""},
		{"sim", "sim/kafka", "simImports"},
		{"sim", "sim/pool", "simImports"},
		{"sim", "sim/campaign", "simImports"},
		{"sim", "broker/node", "simImports"},
		{"sim/pool", "sim", ""},
		{"sim/pool", "mutants", ""},
		{"sim/pool", "sim/campaign", "simImports"},
		{"sim/pool", "sim/shrink", "simImports"},
		{"sim/report", "sim/world", "simImports"},
		{"sim/report", "sim/recording", "simImports"},
		{"sim/report", "broker/kafka", "simImports"},
		{"sim/report", "checker", "simImports"},
		{"sim/campaign", "sim/pool", ""},
		{"sim/campaign", "sim/shrink", "simImports"},
		{"sim/campaign", "broker/node", "simImports"},
		{"sim/shrink", "sim/pool", ""},
		{"sim/shrink", "sim/kafka", "simImports"},
		{"sim/shrink", "sim/explain", "simImports"},
		{"sim/explain", "sim/pool", ""},
		{"sim/explain", "sim/campaign", "simImports"},
		{"scenarios", "sim", "simImports"},
		{"mutants", "broker/wal", "planted bugs are data"},
		{"mutants", "sim", "planted bugs are data"},
		{"cmd/lockstep", "mutants", ""},
		{"cmd/lockstep", "netsim/tcp", ""},
		{"cmd/lockstep", "diskfs/osfs", ""},
		{"cmd/lockstep", "broker/drive", ""},
		{"cmd/lockstep", "cmd/lockstep/bench", ""},
		{"cmd/lockstep", "sim", ""},
	} {
		got := lint(t, c.pkg, "x.go", ours(c.imported))
		if c.want == "" {
			require.Empty(t, got, "%s imports %s", c.pkg, c.imported)
		} else {
			wants(t, got, c.want)
		}
	}
}

// Kafka's messages are another module: the world must not learn of them there.
func TestTheWorldImportsNoKafkaOfAnotherModule(t *testing.T) {
	kmsg := importing("github.com/twmb/franz-go/pkg/kmsg")
	for _, pkg := range []string{"sim/plan", "sim/world", "sim/toy"} {
		wants(t, lint(t, pkg, "x.go", kmsg), "modules of simImports")
	}
	require.Empty(t, lint(t, "sim/kafka/client", "x.go", kmsg))
	require.Empty(t, lint(t, "sim/plan", "x.go", importing("go.yaml.in/yaml/v3")))
}

func TestAPackageWithoutAPlaceIsRejected(t *testing.T) {
	for pkg, table := range map[string]string{
		"broker/unheard": "coreImports", "sim/unheard": "simImports",
		"scenarios/unheard": "simImports", "checker/unheard": "checkerImports",
		"mutants/unheard": "mutantsImports",
	} {
		wants(t, lint(t, pkg, "x.go", "package p\n"),
			"list it in "+table+" (cmd/corelint/rooms.go)")
		require.Empty(t, lint(t, pkg, "x_test.go", "package p\n"))
	}
}

func TestTestFilesMayImportTheRealWorldButNotTheCheckersOnesTheBroker(t *testing.T) {
	for _, imported := range []string{"netsim/tcp", "diskfs/osfs", "broker/drive", "sim"} {
		require.Empty(t, lint(t, "broker/shard", "x_test.go", importing(module+"/"+imported)))
		require.Empty(t, lint(t, "broker/shard_test", "x_test.go", importing(module+"/"+imported)))
	}
	wants(t, lint(t, "checker", "x_test.go", importing(module+"/broker/kafka")),
		"the checker shares no code")
	wants(t, lint(t, "checker_test", "x_test.go", importing(module+"/broker/kafka")),
		"the checker shares no code")
	require.Empty(t, lint(t, "checker_test", "x_test.go", importing(module+"/checker")))
	wants(t, lint(t, "sim", "x_test.go", importing(module+"/cmd/lockstep")), "nothing imports cmd")
}

func TestTheTablesHaveNoCycles(t *testing.T) {
	for _, r := range rooms {
		var visit func(pkg string, above []string)
		visit = func(pkg string, above []string) {
			require.NotContains(t, above, pkg, "a cycle in %s", r.table)
			for _, imported := range r.imports[pkg] {
				dir, all := strings.CutSuffix(imported, "/...")
				if all {
					require.NotEqual(t, r, roomOf(dir),
						"%s: name the packages of the room itself", imported)
				}
				if roomOf(dir) != r {
					continue
				}
				require.Contains(t, r.imports, imported,
					"%s may import a package without a place", pkg)
				visit(imported, append(above[:len(above):len(above)], pkg))
			}
		}
		for pkg := range r.imports {
			require.Equal(t, r, roomOf(pkg), "%s is not of the room", pkg)
			visit(pkg, nil)
		}
	}
}

func TestTheCoreImportsOnlyCore(t *testing.T) {
	for pkg, imports := range coreImports {
		for _, imported := range imports {
			require.True(t, isCore(imported), "%s imports %s", pkg, imported)
		}
	}
}
