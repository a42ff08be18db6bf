package main

import "strings"

const module = "example.com/lockstep"

// coreStd are the packages of the standard library that core packages may
// import: functions of their arguments, without hidden state, clock or system.
// maps is absent because its iterators are in random order.
var coreStd = []string{
	"bytes", "cmp", "container/heap", "encoding/binary", "encoding/hex", "errors", "fmt", "hash",
	"hash/crc32", "hash/fnv", "io", "iter", "math", "math/bits", "path", "slices", "sort",
	"strconv", "strings", "time", "unicode/utf16", "unicode/utf8",
}

// coreStdUsers are packages of the standard library that only the named core
// packages may import.
var coreStdUsers = map[string][]string{
	"sync/atomic": {"broker/mark"}, // counters that loops only add to
}

// coreUnreadable are names of our own packages that the core must not use, with
// the reason.
var coreUnreadable = map[string]map[string]string{
	module + "/broker/mark": {
		"All": marksAreWritten, "Counts": marksAreWritten, "Reset": marksAreWritten,
	},
}

const marksAreWritten = "the core only writes marks (mark.Hit), so that they cannot influence a run"

// coreSymbols are the names that core packages may use of packages that are
// only partly pure. Methods of their types are allowed.
var coreSymbols = map[string][]string{
	"time": {"Duration", "Nanosecond", "Microsecond", "Millisecond", "Second", "Minute", "Hour"},
	"fmt": {"Append", "Appendf", "Appendln", "Errorf", "Formatter", "Fprint", "Fprintf", "Fprintln",
		"Sprint", "Sprintf", "Sprintln", "State", "Stringer"},
	// For the data of Raft's ConfChange only (PROTOCOL 27); never protobuf text.
	"google.golang.org/protobuf/proto": {"Bool", "Int32", "Int64", "Marshal", "Uint32", "Uint64",
		"Unmarshal"},
}

// coreModules says which core packages may import a package of another module.
var coreModules = map[string][]string{
	"github.com/tidwall/btree":         {"*"},
	"go.etcd.io/raft/v3":               {"broker/meta"},
	"go.etcd.io/raft/v3/raftpb":        {"broker/meta"},
	"go.etcd.io/raft/v3/tracker":       {"broker/meta"},
	"google.golang.org/protobuf/proto": {"broker/meta"},
	"github.com/twmb/franz-go/pkg/kmsg": {"broker/wire", "broker/wire/client", "broker/api",
		"broker/group", "broker/shard", "broker/node"},
	"github.com/klauspost/compress/gzip":   {"broker/batch"},
	"github.com/klauspost/compress/s2":     {"broker/batch"},
	"github.com/klauspost/compress/snappy": {"broker/batch"},
	"github.com/klauspost/compress/zstd":   {"broker/batch"},
	"github.com/pierrec/lz4/v4":            {"broker/batch"},
}

// realWorld are the packages that only cmd and test files may import, with what
// other packages use instead.
var realWorld = map[string]string{
	"netsim/tcp":   "take a netsim.Network",
	"diskfs/osfs":  "take a diskfs.Disk",
	"broker/drive": "take a loop.Host",

	"broker/loop/looptest": "take a loop.Host",
	"broker/alloctest":     "nothing: it is for tests",
}

// replacements name what to use for a forbidden import, where there is one
// answer. Longer paths win over their prefixes.
var replacements = map[string]string{
	"os":            "diskfs.Disk",
	"io/fs":         "diskfs.Disk",
	"io/ioutil":     "diskfs.Disk",
	"path/filepath": "path",
	"syscall":       "diskfs.Disk or netsim.Network",
	"net":           "netsim.Network",
	"sync":          "state of one loop, and mail between loops",
	"context":       "a deadline as a timer (env.Instant)",
	"math/rand":     "a named stream of loop.Host.Entropy (env.Rand)",
	"math/rand/v2":  "a named stream of loop.Host.Entropy (env.Rand)",
	"crypto/rand":   "a named stream of loop.Host.Entropy (env.Rand)",
	"hash/maphash":  "hash/crc32 or hash/fnv",
	"unique":        "the value itself",
	"maps":          "a sorted slice or btree.Map",
	"reflect":       "explicit code per type",
	"unsafe":        "explicit conversion",
	"runtime":       "broker/drive",
	"log":           "loop.Host.Log, a returned error, or loop.Host.Stop",
	"testing":       "a _test.go file",

	"go.etcd.io/raft/v3":                "package broker/meta",
	"github.com/twmb/franz-go/pkg/kmsg": "the types of broker/wire",
	"google.golang.org/protobuf":        "an encoding of our own (PROTOCOL 27)",
}

// symbolReplacements name what to use for a forbidden name.
var symbolReplacements = map[string]string{
	"time.Now":       "the env.Time given to Step",
	"time.Since":     "env.Instant.Sub",
	"time.Until":     "env.Instant.Sub",
	"time.Time":      "env.Instant, or milliseconds since 1970 (env.Time.WallMs)",
	"time.Sleep":     "a timer of the loop (loop.Loop.NextTimer)",
	"time.After":     "a timer of the loop (loop.Loop.NextTimer)",
	"time.AfterFunc": "a timer of the loop (loop.Loop.NextTimer)",
	"time.Tick":      "a timer of the loop (loop.Loop.NextTimer)",
	"time.NewTimer":  "a timer of the loop (loop.Loop.NextTimer)",
	"time.NewTicker": "a timer of the loop (loop.Loop.NextTimer)",
	"time.Timer":     "a timer of the loop (loop.Loop.NextTimer)",
	"time.Ticker":    "a timer of the loop (loop.Loop.NextTimer)",
	"fmt.Print":      "a returned value",
	"fmt.Printf":     "a returned value",
	"fmt.Println":    "a returned value",
}

// within reports whether pkg is dir or lies below it.
func within(pkg, dir string) bool {
	return pkg == dir || strings.HasPrefix(pkg, dir+"/")
}

// ours cuts the module's name off an import path.
func ours(path string) (relative string, ok bool) {
	return strings.CutPrefix(path, module+"/")
}

// isStd reports whether a path belongs to the standard library: its first element
// never has a dot.
func isStd(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".")
}

// instead is the end of a message: what to use in place of path.
func instead(path string) string {
	for dir := path; ; {
		if use, ok := replacements[dir]; ok {
			return "use " + use
		}
		slash := strings.LastIndexByte(dir, '/')
		if slash < 0 {
			return "use what is on the allow-list in cmd/corelint/rules.go"
		}
		dir = dir[:slash]
	}
}
