package toy

import (
	"encoding/binary"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/diskfs"
	"example.com/lockstep/sim/world"
)

// A toy shard's file is a sequence of groups, each on a sector border:
//
//	sum u64 | entries u64 | entry* | zeros to the next sector
//	entry = origin u64 | client u64 | seq u64
//
// Recovery reads the groups before the first one with a wrong sum.

// write begins the next group if none is under way.
func (s *toyShard) write() {
	if s.writing != nil || len(s.unsynced) == 0 {
		return
	}
	size := toyGroupHead + toyEntrySize*len(s.unsynced)
	group := make([]byte, (size+diskfs.SectorSize-1)/diskfs.SectorSize*diskfs.SectorSize)
	binary.LittleEndian.PutUint64(group[8:], uint64(len(s.unsynced)))
	for i, e := range s.unsynced {
		at := group[toyGroupHead+toyEntrySize*i:]
		binary.LittleEndian.PutUint64(at, e.origin)
		binary.LittleEndian.PutUint64(at[8:], e.pair.client)
		binary.LittleEndian.PutUint64(at[16:], e.pair.seq)
	}
	binary.LittleEndian.PutUint64(group, world.SumBytes(group[8:size]))
	s.writing = group
	s.written, s.unsynced = s.unsynced, nil
	s.host.Disk().Submit(diskfs.Op{Kind: diskfs.WriteSync, Handle: toyHandle, Offset: s.file,
		Data: group})
	if s.bug == RewriteDisk && s.file > 20*diskfs.SectorSize {
		group[0]++
	}
}

func (s *toyShard) stepDisk(now env.Time, c *diskfs.Completion) {
	if c.Err != nil {
		s.host.Stop(c.Err)
		return
	}
	disk := s.host.Disk()
	switch c.Kind {
	case diskfs.Open:
		disk.Submit(diskfs.Op{Kind: diskfs.Read, Handle: toyHandle, Data: make([]byte, c.Size)})
	case diskfs.Read:
		s.recover(c.Data[:c.N])
		// What was read may not be durable: its sync may be missing, or may have failed and left
		// the data in the cache. So it is written again.
		disk.Submit(diskfs.Op{Kind: diskfs.WriteSync, Handle: toyHandle, Data: c.Data[:s.file]})
	case diskfs.SyncDir:
		s.ready = true
		if _, err := s.host.Network().Listen(s.addr(s.name), s.host.Sink(s.id)); err != nil {
			s.host.Stop(err)
		}
		for _, name := range s.peers {
			s.toPeer[name].dial = now.Mono
		}
		for _, m := range s.early {
			s.add(m)
		}
		s.early = nil
	case diskfs.WriteSync:
		if !s.ready {
			disk.Submit(diskfs.Op{Kind: diskfs.SyncDir, Path: "."})
			return
		}
		s.file += int64(len(s.writing))
		s.writing = nil
		for _, e := range s.written {
			s.logs[s.names[e.origin-1]].durable++
			s.held[e.pair] = true
		}
		for _, conn := range s.from {
			if conn.peer > 0 {
				conn.conn.Send(toyFrame{toyHave, s.logs[s.names[conn.peer-1]].durable, 0,
					0}.encode())
			}
		}
	}
}

// recover reads the groups of an earlier incarnation.
func (s *toyShard) recover(data []byte) {
	for len(data) >= diskfs.SectorSize {
		n := binary.LittleEndian.Uint64(data[8:])
		size := toyGroupHead + toyEntrySize*n
		if n == 0 || n > uint64(len(data)) || size > uint64(len(data)) ||
			world.SumBytes(data[8:size]) != binary.LittleEndian.Uint64(data) {
			return
		}
		for i := range n {
			at := data[toyGroupHead+toyEntrySize*i:]
			e := toyEntry{binary.LittleEndian.Uint64(at),
				toyPair{binary.LittleEndian.Uint64(at[8:]), binary.LittleEndian.Uint64(at[16:])}}
			log := s.logs[s.names[e.origin-1]]
			if e.origin == s.self {
				s.index[e.pair] = len(log.pairs)
			}
			log.pairs = append(log.pairs, e.pair)
			log.durable++
			s.held[e.pair] = true
		}
		whole := (int64(size) + diskfs.SectorSize - 1) / diskfs.SectorSize * diskfs.SectorSize
		s.file += whole
		data = data[whole:]
	}
}
