package campaign

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"example.com/lockstep/broker/mark"
	"example.com/lockstep/sim/pool"
)

// Merge adds up the campaigns of several directories, usually the shards of one range,
// and writes one summary into dir. It returns an error if a run failed, if a mark was
// never hit (unless marks is MarksNone), or if the campaigns are not of one build.
func Merge(dir string, from []string, marks MarksDemand, w io.Writer) error {
	if len(from) == 0 {
		return errors.New("name the directories of the campaigns to merge")
	}
	if err := (&Options{Scenarios: "all", Workers: pool.Pool{Workers: 1},
		Marks: marks}).Validate(); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	m := &campaign{options: Options{Dir: dir, Marks: marks, Scenarios: "all"}, out: w,
		tally: newTally(), journal: &journal{dir: dir}, began: time.Now()}
	var all []Entry
	parts, wall := map[Shard]string{}, time.Duration(0)
	for _, name := range from {
		id, runs, err := readCampaign(name)
		if err != nil {
			return err
		}
		if before, twice := parts[id.Shard]; twice {
			return fmt.Errorf("%s and %s are both shard %d/%d", before, name, id.Shard.Index,
				id.Shard.Of)
		}
		parts[id.Shard] = name
		id.Shard = Shard{Of: 1}
		if m.identity.Format == 0 {
			m.identity = id
		}
		if err := m.identity.differsFrom(id); err != nil {
			return fmt.Errorf("%s does not belong to the others: %w", name, err)
		}
		for i := range runs {
			wall = max(wall, time.Duration(runs[i].AtMs)*time.Millisecond)
		}
		m.merged = append(m.merged, name)
		all = append(all, runs...)
	}
	if !slices.Equal(m.identity.Marks, mark.All()) {
		return fmt.Errorf("%s was run by another build, which has other marks", from[0])
	}
	slices.SortStableFunc(all, func(a, b Entry) int { return int(a.AtMs - b.AtMs) })
	for i := range all {
		if m.tally.done[all[i].Seed] {
			return fmt.Errorf("seed %d was run twice: the campaigns are not disjoint", all[i].Seed)
		}
		m.tally.add(&all[i])
	}
	m.dealt, m.seeds = m.identity.Scenarios, m.identity.Seeds
	m.earlier = wall // shards run side by side
	if left := m.seeds.Count() - uint64(m.tally.runs); !m.seeds.Endless() && left > 0 {
		m.stopped = fmt.Sprintf("%d seeds were not run", left)
	}
	if marks == MarksAuto {
		m.options.Marks = MarksAll // merged shards are a whole campaign
	}
	return m.finish(false)
}

// readCampaign reads a directory without changing it.
func readCampaign(dir string) (id Identity, runs []Entry, err error) {
	text, err := os.ReadFile(filepath.Join(dir, identityFile))
	if err == nil {
		err = json.Unmarshal(text, &id)
	}
	if err != nil {
		return id, nil, fmt.Errorf("%s: not a campaign's directory: %w", dir, err)
	}
	file, err := os.Open(filepath.Join(dir, journalFile))
	if err != nil {
		return id, nil, fmt.Errorf("%s: %w", dir, err)
	}
	defer file.Close()
	runs, _, err = readEntries(file)
	if err != nil {
		return id, nil, fmt.Errorf("%s: %w", dir, err)
	}
	return id, runs, nil
}
