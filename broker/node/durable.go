package node

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"example.com/lockstep/broker/event"
	"example.com/lockstep/broker/mark"
	"example.com/lockstep/broker/meta"
	"example.com/lockstep/broker/rare"
	"example.com/lockstep/broker/shard"
	"example.com/lockstep/broker/wal"
	"example.com/lockstep/broker/wire/peer"
	"example.com/lockstep/diskfs"
)

// What the control loop has on disk: Raft's records in its WAL, and the image of the last
// compaction in control/snapshot-<index>. The file of a snapshot is durable before the record
// that names it. Older files are removed once that record is durable.

const snapshotPrefix = "snapshot-"

func snapshotName(i meta.Index) string { return fmt.Sprintf("%s%020d", snapshotPrefix, uint64(i)) }

// snapshotIndex is the inverse of snapshotName; false if no snapshot has that name.
func snapshotIndex(name string) (meta.Index, bool) {
	digits, isSnapshot := strings.CutPrefix(name, snapshotPrefix)
	index, err := strconv.ParseUint(digits, 10, 64)
	return meta.Index(index), isSnapshot && err == nil
}

// beginRecovery reads the control WAL.
func (c *Control) beginRecovery() {
	cfg := c.cfg.ControlWAL
	cfg.Dir, cfg.Rare = controlWALDir, c.rare
	c.wal = wal.New(cfg, walDisk{c}, c.host.Entropy("control", "wal"))
	c.wal.Recover()
}

// replay collects the records of the WAL. When it has all, it reads the snapshot that they
// name.
func (c *Control) replay() {
	if c.loading {
		return
	}
	for {
		r, ok := c.wal.NextRecovered()
		if !ok {
			break
		}
		c.replayed = append(c.replayed,
			meta.Record{Type: meta.RecordType(r.Type), Payload: slices.Clone(r.Payload)})
	}
	if c.wal.Phase() != wal.Ready {
		return
	}
	c.loading = true
	if c.wal.Recovery().Doubtful() {
		mark.Hit(mark.ControlLogUnread)
		// Damage would bar this node from Raft forever (PROTOCOL 8). But a failure to read
		// may pass, and the next start tries again.
		bad := c.wal.Recovery().Damage[0]
		c.host.Stop(fmt.Errorf("node: the control log could not be read: segment %d at byte %d: %v",
			bad.At.Segment, bad.At.Offset, bad.Reason))
		return
	}
	index, found, err := meta.LastSnapshot(c.replayed)
	switch {
	case err != nil:
		c.host.Stop(fmt.Errorf("node: recover metadata: %w", err))
	case !found && c.damaged():
		c.host.Stop(fmt.Errorf("node: the control log is damaged and names no snapshot; %s",
			mustRejoin))
	case !c.birth.born && c.birth.id == (peer.UUID{}) && len(c.replayed) > 0:
		c.host.Stop(fmt.Errorf("node: there is a control log, and no birth record; %s", mustRejoin))
	case !c.birth.born:
		c.unborn = true
		c.host.Log(event.New(event.BirthAwaited,
			event.Text("directory", hex.EncodeToString(c.directory[:]))))
		c.stepBirth()
	case !found:
		c.host.Stop(fmt.Errorf("node: the control log is missing; %s", mustRejoin))
	default:
		c.loadSnapshot(index)
	}
}

// damaged reports whether acknowledged records of the control WAL are gone, from its middle or
// from its beginning: then the node neither votes nor campaigns (PROTOCOL 8). Only a checkpoint
// releases the beginning (see persisted). A log without a beginning and without a checkpoint
// has lost records, and is not the log of a new node.
func (c *Control) damaged() bool {
	r := c.wal.Recovery()
	return len(r.Damage) > 0 || r.FirstSeq > 1 && !meta.Checkpointed(c.replayed)
}

// mustRejoin tells an operator what to do with a node that has lost its control log.
const mustRejoin = "empty the directory: the node then joins as a new one, without a vote, and " +
	"'lockstep cluster replace-node' gives it the vote of the lost one"

// bootstrap makes the control log of a voter of a new cluster, or of a directory that joins one,
// and calls then when it is durable. A snapshot that is newer than the first one proves that a
// log existed, in which this node had promised more.
func (c *Control) bootstrap(then func(meta.Recovered)) {
	recovered, records, image := meta.JoinCluster(c.cfg.Cluster)
	if slices.Contains(c.birth.voters, c.self()) {
		recovered, records, image = meta.NewCluster(c.cfg.Cluster, c.birth.voters)
	}
	s := &sequence{
		steps: wholeFile(controlDir, snapshotName(image.Index()), c.newHandle(), image.Encode()),
	}
	if !c.emptyControl {
		look := step{diskfs.Op{
			Kind: diskfs.List, Path: controlDir,
		}, func(_ *sequence, d diskfs.Completion) error {
			for _, e := range d.Entries {
				if index, ok := snapshotIndex(e.Name); ok && index > image.Index() {
					return fmt.Errorf("there is a snapshot of index %d, and no control log that "+
						"names one; %s", index, mustRejoin)
				}
			}
			return d.Err
		}}
		s.steps = append([]step{look}, s.steps...)
	}
	s.end = func(err error) {
		if err != nil {
			c.host.Stop(fmt.Errorf("node: bootstrap: %w", err))
			return
		}
		// Token 0 is no batch of meta, which is not there yet.
		c.persist(meta.Persist{Records: records, Sync: true})
		c.unsynced[len(c.unsynced)-1].then = func() { then(recovered) }
	}
	c.run(s)
}

// loadSnapshot reads the image that the records of the WAL continue.
func (c *Control) loadSnapshot(index meta.Index) {
	var recovered meta.Recovered
	s := &sequence{steps: readFile(controlDir+"/"+snapshotName(index),
		c.newHandle(), func(_ *sequence, data []byte) error {
			image, err := meta.DecodeImage(data)
			if err != nil {
				return err
			}
			recovered, err = meta.Recover(c.replayed, image)
			return err
		})}
	s.end = func(err error) {
		if err != nil {
			c.host.Stop(fmt.Errorf("node: recover metadata from snapshot %d: %w", index, err))
			return
		}
		c.startMeta(recovered)
	}
	c.run(s)
}

// startMeta starts meta, and at the same time the recovery of the shards.
func (c *Control) startMeta(recovered meta.Recovered) {
	raft := c.cfg.Raft
	raft.Rare = c.rare
	c.meta = meta.NewNode(meta.NodeConfig{
		Register: c.registration(), Timing: c.cfg.Timing, Raft: raft,
		Defaults: c.cfg.Defaults, WALDamaged: c.damaged(),
	}, recovered, c.now.Mono)
	c.replayed = nil
	for _, l := range c.peers {
		c.tellSeen(l)
	}
	c.host.Log(event.New(event.ControlRecovered, event.Int("index", c.meta.Image().Index()),
		event.Duration("took", c.now.Mono.Sub(c.narrator.began))))
	c.beginShards()
}

// beginShards starts the recovery of the shards.
func (c *Control) beginShards() {
	for i := range c.shards {
		c.host.Reply(shardID(i), shard.Begin{
			Directory: c.directory, Life: c.layout.life, Convert: c.converting(),
		})
	}
}

// persist appends records to the WAL. Records that need no sync wait for the next ones that
// need one, and cost no sync themselves (PROTOCOL 27).
func (c *Control) persist(p meta.Persist) {
	if !p.Sync && !c.rare.Choose(rare.ControlSyncEarly) {
		c.lazy = append(c.lazy, p.Records...)
		return
	}
	var first, last wal.Seq
	// If this is a checkpoint, all records before the first of these may be released later.
	for _, r := range append(c.lazy, p.Records...) {
		last, _ = c.wal.Append(uint8(r.Type), 0, r.Payload)
		if first == 0 {
			first = last
		}
	}
	c.lazy = nil
	c.unsynced = append(c.unsynced, persisting{
		seq: last, first: first, token: p.Token, checkpoint: p.Checkpoint, since: c.now.Mono,
	})
}

// persisted tells meta what has become durable, and releases what a checkpoint replaces.
func (c *Control) persisted() {
	if c.wal.Phase() != wal.Ready {
		return
	}
	durable := c.wal.Durable()
	for len(c.unsynced) > 0 && c.unsynced[0].seq <= durable {
		p := c.unsynced[0]
		c.unsynced = c.unsynced[1:]
		if p.token != 0 {
			c.meta.Persisted(p.token)
		}
		if p.then != nil {
			p.then()
		}
		if p.checkpoint != 0 {
			c.wal.Release(p.first - 1)
			c.removeSnapshots(p.checkpoint)
		}
	}
}

// saveSnapshot writes the file of an image. A full disk does not stop Raft (PROTOCOL 10), nor does
// a lack of descriptors: the log is not shortened until the file can be written.
func (c *Control) saveSnapshot(f meta.SnapshotFile) {
	handle := c.newHandle()
	s := &sequence{steps: wholeFile(controlDir, snapshotName(f.Index), handle, f.Data)}
	s.end = func(err error) {
		switch {
		case errors.Is(err, diskfs.ErrNoSpace) || errors.Is(err, diskfs.ErrUnavailable):
			c.stats.SnapshotsRefused++
			mark.Hit(mark.SnapshotNoSpace)
			c.host.Log(event.New(event.SnapshotRefused, event.Err(err)))
			c.saveLater(f, handle)
		case err != nil:
			c.host.Stop(fmt.Errorf("node: write snapshot %d: %w", f.Index, err))
		default:
			c.stats.SnapshotsSaved++
			c.meta.SnapshotSaved(f.Index)
		}
	}
	c.run(s)
}

// saveLater removes what was written of a snapshot that found no room, and tries again after a
// pause.
func (c *Control) saveLater(f meta.SnapshotFile, handle diskfs.Handle) {
	whatever := func(*sequence, diskfs.Completion) error { return nil }
	c.run(&sequence{
		steps: []step{
			{diskfs.Op{Kind: diskfs.Close, Handle: handle}, whatever},
			{diskfs.Op{Kind: diskfs.Remove, Path: tempOf(controlDir + "/" + snapshotName(f.Index))},
				whatever},
		},
		end: func(error) {
			c.timers.Set(c.now.Mono.Add(c.cfg.Limits.RefusedPause),
				due{kind: dueSnapshot, snapshot: f})
		},
	})
}

// removeSnapshots removes the files of snapshots older than keep. A file that a crash leaves
// behind is removed after the next snapshot.
func (c *Control) removeSnapshots(keep meta.Index) {
	s := &sequence{end: func(error) {}}
	s.steps = []step{{diskfs.Op{Kind: diskfs.List, Path: controlDir},
		func(s *sequence, d diskfs.Completion) error {
			for _, e := range d.Entries {
				if index, ok := snapshotIndex(e.Name); ok && index < keep {
					s.then(step{
						diskfs.Op{Kind: diskfs.Remove, Path: controlDir + "/" + e.Name},
						func(*sequence, diskfs.Completion) error { return nil },
					})
				}
			}
			return d.Err
		}}}
	c.run(s)
}
