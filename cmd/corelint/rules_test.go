package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// fakes imports the real standard library, and every other path as an empty
// package: the rules look only at paths.
type fakes struct{ std types.Importer }

func (f fakes) Import(p string) (*types.Package, error) {
	if isStd(p) && !within(p, module) {
		return f.std.Import(p)
	}
	pkg := types.NewPackage(p, path.Base(p))
	for name := range coreUnreadable[p] {
		pkg.Scope().Insert(types.NewFunc(token.NoPos, pkg, name,
			types.NewSignatureType(nil, nil, nil, nil, nil, false)))
	}
	if len(coreUnreadable[p]) > 0 {
		pkg.Scope().Insert(types.NewFunc(token.NoPos, pkg, "Hit",
			types.NewSignatureType(nil, nil, nil, nil, nil, false)))
	}
	pkg.MarkComplete()
	return pkg, nil
}

var stdImporter = func() func(t *testing.T, fset *token.FileSet) types.Importer {
	var packages []*listed
	return func(t *testing.T, fset *token.FileSet) types.Importer {
		if packages == nil {
			var err error
			packages, err = list(".",
				"", []string{"context", "crypto/rand", "fmt", "hash/maphash", "iter", "log",
					"log/slog", "maps", "math/rand", "math/rand/v2", "net/http", "os/exec",
					"path/filepath", "reflect", "slices", "sync/atomic", "testing",
					"unique", "unsafe", "container/heap", "encoding/hex", "hash/fnv",
					"path", "sort"})
			require.NoError(t, err)
		}
		return exportImporter(fset, packages)
	}
}()

// lint returns the messages for one file of one package.
func lint(t *testing.T, pkg, name, src string) []string {
	t.Helper()
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, src, parser.ParseComments|parser.SkipObjectResolution)
	require.NoError(t, err)
	found, err := analyze(fset, fakes{stdImporter(t, fset)}, module+"/"+pkg, []*ast.File{file}, nil)
	require.NoError(t, err)
	var messages []string
	for _, f := range found {
		messages = append(messages, f.message)
	}
	return messages
}

// wants checks that each message contains the text at the same index, and that
// there are no other messages.
func wants(t *testing.T, got []string, want ...string) {
	t.Helper()
	require.Len(t, got, len(want), "%q", got)
	for i := range want {
		require.Contains(t, got[i], want[i])
	}
}

func importing(paths ...string) string {
	return "package p\n\nimport (\n\t_ \"" + strings.Join(paths, "\"\n\t_ \"") + "\"\n)\n"
}

func TestCoreImportsOfTheStandardLibrary(t *testing.T) {
	for imported, use := range map[string]string{
		"os":            "use diskfs.Disk",
		"os/exec":       "use diskfs.Disk",
		"path/filepath": "use path",
		"net":           "use netsim.Network",
		"net/http":      "use netsim.Network",
		"sync":          "mail between loops",
		"sync/atomic":   "mail between loops",
		"context":       "a deadline as a timer",
		"math/rand":     "loop.Host.Entropy",
		"math/rand/v2":  "loop.Host.Entropy",
		"crypto/rand":   "loop.Host.Entropy",
		"hash/maphash":  "hash/crc32",
		"unique":        "the value itself",
		"maps":          "btree.Map",
		"reflect":       "explicit code",
		"unsafe":        "explicit conversion",
		"runtime":       "broker/drive",
		"log":           "loop.Host.Stop",
		"log/slog":      "loop.Host.Stop",
		"testing":       "a _test.go file",
		"unicode":       "the allow-list in cmd/corelint/rules.go",
	} {
		for _, pkg := range []string{"broker/wal", "netsim", "diskfs"} {
			got := lint(t, pkg, "x.go", importing(imported))
			wants(t, got, "core package "+pkg+" imports "+imported)
			require.Contains(t, got[0], use)
		}
		for _, pkg := range []string{
			"broker/drive", "netsim/tcp", "diskfs/osfs", "sim", "checker", "cmd/lockstep",
		} {
			require.Empty(t, lint(t, pkg, "x.go", importing(imported)), pkg)
		}
		require.Empty(t, lint(t, "broker/wal", "x_test.go", importing(imported)),
			"test files are free")
	}
	require.Empty(t, lint(t, "broker/wal", "x.go", importing(coreStd...)))
}

func TestOnlyMarksCountAcrossLoops(t *testing.T) {
	require.Empty(t, lint(t, "broker/mark", "x.go", importing("sync/atomic")))
	wants(t, lint(t, "broker/meta", "x.go", importing("sync/atomic")), "imports sync/atomic")
}

func TestTheCoreDoesNotReadMarks(t *testing.T) {
	const use = "package p; import m \"example.com/lockstep/broker/mark\"; func f() { m."
	for _, name := range []string{"Counts", "Reset", "All"} {
		wants(t, lint(t, "broker/wal", "x.go", use+name+"() }"),
			"example.com/lockstep/broker/mark."+name+" in the core: the core only writes marks")
		require.Empty(t, lint(t, "sim/world", "x.go", use+name+"() }"))
	}
	require.Empty(t, lint(t, "broker/wal", "x.go", use+"Hit() }"))
}

func TestCoreImportsOfOtherModules(t *testing.T) {
	const (
		raft  = "go.etcd.io/raft/v3"
		kmsg  = "github.com/twmb/franz-go/pkg/kmsg"
		btree = "github.com/tidwall/btree"
		zstd  = "github.com/klauspost/compress/zstd"
		lz4   = "github.com/pierrec/lz4/v4"
	)
	require.Empty(t, lint(t, "broker/meta", "x.go",
		importing(raft, raft+"/raftpb", raft+"/tracker", btree)))
	require.Empty(t, lint(t, "broker/wire", "x.go", importing(kmsg, btree)))
	require.Empty(t, lint(t, "broker/batch", "x.go", importing(zstd, lz4)))
	wants(t, lint(t, "broker/shard", "x.go", importing(raft)),
		"imports go.etcd.io/raft/v3: use package broker/meta")
	wants(t, lint(t, "broker/wal", "x.go", importing(kmsg)), "use the types of broker/wire")
	wants(t, lint(t, "broker/wal", "x.go", importing(zstd, lz4)), "allow-list", "allow-list")
	wants(t, lint(t, "broker/meta", "x.go", importing(raft+"/confchange")),
		"imports go.etcd.io/raft/v3/confchange")
	wants(t, lint(t, "broker/meta", "x.go",
		importing("google.golang.org/protobuf/encoding/prototext")), "an encoding of our own")
	wants(t, lint(t, "broker/meta", "x.go", importing("example.com/new")), "allow-list")
}
