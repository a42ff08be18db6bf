package campaign

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"example.com/lockstep/broker/mark"
	"example.com/lockstep/sim/world"
)

// Identity says what a campaign runs. A campaign continues only a directory with the
// same identity.
type Identity struct {
	Format    int      `json:"format"`
	Build     Build    `json:"build"`
	Scenarios []string `json:"scenarios"` // in the order of Deal
	Seeds     Seeds    `json:"seeds"`     // of all shards
	Shard     Shard    `json:"shard"`
	Marks     []string `json:"marks"` // the order of Entry.Marks
}

// formatVersion is the version of the directory's format.
const formatVersion = 1

// Build names the program that ran the seeds.
type Build struct {
	Program  string `json:"program"`            // SHA-256 of the executable
	Revision string `json:"revision,omitempty"` // of the source; for readers
	Modified bool   `json:"modified,omitempty"`
	Go       string `json:"go"`
}

func (b Build) String() string {
	revision := b.Revision
	if revision == "" {
		revision = "unknown revision"
	}
	if b.Modified {
		revision += " with changes"
	}
	return fmt.Sprintf("%s (%s, program %.12s)", revision, b.Go, b.Program)
}

// ThisBuild is the build of the running program.
func ThisBuild() (Build, error) {
	b := Build{Go: runtime.Version()}
	path, err := os.Executable()
	if err != nil {
		return b, fmt.Errorf("campaign: find this program: %w", err)
	}
	program, err := os.Open(path)
	if err != nil {
		return b, fmt.Errorf("campaign: read this program: %w", err)
	}
	defer program.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, program); err != nil {
		return b, fmt.Errorf("campaign: read this program: %w", err)
	}
	b.Program = hex.EncodeToString(sum.Sum(nil))
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				b.Revision = fmt.Sprintf("%.12s", s.Value)
			case "vcs.modified":
				b.Modified = s.Value == "true"
			}
		}
	}
	return b, nil
}

// Entry is one line of the journal.
type Entry struct {
	// AtMs is the campaign time of the run's end: the time of all sessions so far,
	// without the pauses between them.
	AtMs        int64          `json:"at_ms"`
	WallMs      int64          `json:"wall_ms"`
	Scenario    string         `json:"scenario"`
	Seed        uint64         `json:"seed"`
	Events      uint64         `json:"events"`
	VirtualMs   int64          `json:"virtual_ms"`
	Trace       string         `json:"trace"`
	Marks       []uint64       `json:"marks"`         // visits, in the order of Identity.Marks
	NewFeatures []string       `json:"new,omitempty"` // features that no earlier run had
	Faults      map[string]int `json:"faults,omitempty"`
	Judged      map[string]int `json:"judged,omitempty"`
	Excused     map[string]int `json:"excused,omitempty"`
	Failure     *Failure       `json:"failure,omitempty"`
}

// Failure is what the journal keeps about a failed run.
type Failure struct {
	Fingerprint string `json:"fingerprint"`
	Property    string `json:"property"`
	Where       string `json:"where,omitempty"`
	Detail      string `json:"detail,omitempty"` // shortened
}

// newEntry makes the journal's entry of a result.
func newEntry(r *world.Result, at, wall time.Duration) Entry {
	run := Entry{
		AtMs: at.Milliseconds(), WallMs: wall.Milliseconds(), Scenario: r.Scenario, Seed: r.Seed,
		Events: r.Events, VirtualMs: r.Virtual.Std().Milliseconds(), Trace: r.Trace,
		NewFeatures: r.Coverage.Features, Faults: r.Coverage.Faults, Judged: r.Coverage.Judged,
		Excused: r.Coverage.Excused,
	}
	for _, name := range mark.All() {
		run.Marks = append(run.Marks, r.Coverage.Marks[name])
	}
	if r.Verdict != world.Pass {
		run.Failure = &Failure{Fingerprint: "no failure is named"}
		if len(r.Failures) > 0 {
			f := &r.Failures[0]
			run.Failure = &Failure{Fingerprint: f.Fingerprint(), Property: f.Property,
				Where: f.Where, Detail: firstPart(f.Detail, 400)}
		}
	}
	return run
}

func firstPart(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return text[:n] + "…"
}

// journal is the directory of a campaign. A nil journal keeps nothing.
type journal struct {
	dir      string
	file     *os.File // nil in a directory that Merge writes
	unsynced int
	syncedAt time.Time
}

const (
	identityFile = "campaign.json"
	journalFile  = "journal.jsonl"
	syncRuns     = 64 // a power loss loses at most this many runs
	syncEvery    = 5 * time.Second
)

// openJournal opens or makes a campaign's directory and reads the runs that are done.
func openJournal(dir string, id Identity) (*journal, []Entry, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, nil, fmt.Errorf("--out: %w", err)
	}
	file, err := os.OpenFile(filepath.Join(dir, journalFile), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, nil, fmt.Errorf("--out: %w", err)
	}
	j := &journal{dir: dir, file: file, syncedAt: time.Now()}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		file.Close()
		return nil, nil, fmt.Errorf("--out %s: another campaign is running there (%w)", dir, err)
	}
	runs, err := j.open(id)
	if err != nil {
		file.Close()
		return nil, nil, fmt.Errorf("--out %s: %w", dir, err)
	}
	return j, runs, nil
}

func (j *journal) open(id Identity) ([]Entry, error) {
	path := filepath.Join(j.dir, identityFile)
	text, err := os.ReadFile(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		if info, err := j.file.Stat(); err != nil || info.Size() > 0 {
			return nil, errors.Join(err, fmt.Errorf("there is a %s and no %s: not a campaign's "+
				"directory", journalFile, identityFile))
		}
		return nil, writeFile(path, id)
	case err != nil:
		return nil, err
	}
	var was Identity
	if err := json.Unmarshal(text, &was); err != nil {
		return nil, fmt.Errorf("%s: %w", identityFile, err)
	}
	if err := was.differsFrom(id); err != nil {
		return nil, fmt.Errorf("holds another campaign: %w; name another directory, or remove "+
			"this one", err)
	}
	return j.read()
}

// differsFrom says in what a campaign on disk differs from the present one.
func (id *Identity) differsFrom(now Identity) error {
	switch {
	case id.Format != now.Format:
		return fmt.Errorf("its format is %d, this program writes %d", id.Format, now.Format)
	case id.Build != now.Build:
		return fmt.Errorf("it ran %s, this program is %s", id.Build, now.Build)
	case id.Seeds != now.Seeds || id.Shard != now.Shard:
		return fmt.Errorf("its seeds are %s of shard %d/%d, not %s of shard %d/%d",
			id.Seeds, id.Shard.Index, id.Shard.Of, now.Seeds, now.Shard.Index, now.Shard.Of)
	case !slices.Equal(id.Scenarios, now.Scenarios):
		return errors.New("its scenarios are different")
	}
	return nil
}

// read reads the runs that are done. It cuts an incomplete last line, which was being
// written when the campaign was killed.
func (j *journal) read() ([]Entry, error) {
	runs, good, err := readEntries(j.file)
	if err != nil {
		return nil, err
	}
	if err := j.file.Truncate(good); err != nil {
		return nil, err
	}
	_, err = j.file.Seek(good, io.SeekStart)
	return runs, err
}

// readEntries reads a journal up to its last complete line, which ends at byte good.
func readEntries(from io.Reader) (runs []Entry, good int64, err error) {
	for in := bufio.NewReader(from); ; {
		line, err := in.ReadBytes('\n')
		if err == io.EOF {
			return runs, good, nil
		}
		if err != nil {
			return nil, 0, err
		}
		var run Entry
		if err := json.Unmarshal(bytes.TrimSpace(line), &run); err != nil {
			return nil, 0, fmt.Errorf("%s, line %d: %w", journalFile, len(runs)+1, err)
		}
		runs = append(runs, run)
		good += int64(len(line))
	}
}

// add writes a run.
func (j *journal) add(run *Entry) error {
	if j == nil {
		return nil
	}
	line, err := json.Marshal(run)
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	if _, err := j.file.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	if j.unsynced++; j.unsynced >= syncRuns || time.Since(j.syncedAt) >= syncEvery {
		return j.sync()
	}
	return nil
}

func (j *journal) sync() error {
	j.unsynced, j.syncedAt = 0, time.Now()
	if err := j.file.Sync(); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	return nil
}

func (j *journal) close() error {
	if j == nil || j.file == nil {
		return nil
	}
	return errors.Join(j.sync(), j.file.Close())
}

// saveFailure writes a failed run's report and its result.
func (j *journal) saveFailure(r *world.Result) error {
	if j == nil {
		return nil
	}
	base := filepath.Join(j.dir, failureName(r.Scenario, r.Seed))
	return errors.Join(
		os.WriteFile(base+".txt", []byte(r.Report()+"\n"), 0o644),
		writeFile(base+".json", r))
}

// failureName is the beginning of the names of a failed run's files.
func failureName(scenario string, seed uint64) string {
	return fmt.Sprintf("%s-%d", scenario, seed)
}

// writeFile replaces a file by a value as JSON. A reader sees the old file or the new
// one, never a part.
func writeFile(path string, value any) error {
	data, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return replaceFile(path, append(data, '\n'))
}

func replaceFile(path string, data []byte) error {
	if err := os.WriteFile(path+".new", data, 0o644); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
