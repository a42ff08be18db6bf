package toy

import (
	"encoding/binary"
	"slices"
	"strconv"
	"time"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/diskfs"
	"example.com/lockstep/netsim"
	"example.com/lockstep/sim/world"
)

// toyShard keeps a log of pairs per node of the cluster: the log of its own node, which requests of
// clients extend, and copies of the logs of the other nodes, which those nodes push.
type toyShard struct {
	host  loop.Host
	id    loop.ID
	name  string
	self  uint64
	names []string // of all nodes; a node's number is its index + 1
	peers []string // the same without this node
	bug   Bug

	logs   map[string]*toyLog  // by node; walked in the order of names
	toPeer map[string]*toyPush // by peer; walked in the order of peers
	from   []*toyConn          // connections on which peers push
	index  map[toyPair]int     // position in the node's own log
	waits  []toyWait           // requests for pairs that are not on every replica yet
	early  []toyAdd            // requests that came before recovery had ended
	held   map[toyPair]bool    // durable here, in any log

	ready    bool
	file     int64 // size of the part of the file that holds groups
	writing  []byte
	written  []toyEntry // in the write under way
	unsynced []toyEntry // for the next write
}

// toyLog is one node's log, as much as this node has of it. Its first durable pairs are on disk
// here; they are a prefix because one write is under way at a time.
type toyLog struct {
	pairs   []toyPair
	durable uint64
}

type toyEntry struct {
	origin uint64
	pair   toyPair
}

type toyWait struct {
	at uint64 // index in the node's own log
	m  toyAdd
}

// toyPush is the sending side towards one peer.
type toyPush struct {
	conn  *toyConn
	known bool   // the peer has said what it has
	next  uint64 // index of the pair that is pushed next
	acked uint64 // number of pairs of this node's log that are durable at the peer
	dial  env.Instant
	// patience is when the connection is closed if the peer does not answer what is outstanding: a
	// half-open connection reports nothing by itself.
	patience env.Instant
}

const (
	toyWindow    = 256 // pairs per peer that are pushed and not acknowledged
	toyRedial    = 20 * time.Millisecond
	toyPatience  = 3 * time.Second
	toyPeerPort  = 10
	toyGroupHead = 16
	toyEntrySize = 24
	toyHandle    = diskfs.Handle(1)
)

func newToyShard(i world.Incarnation, id loop.ID, names []string, bug Bug) *toyShard {
	s := &toyShard{
		host: i.Hosts[id], id: id, name: i.Spec.Name, names: names, bug: bug,
		logs: make(map[string]*toyLog), toPeer: make(map[string]*toyPush),
		index: make(map[toyPair]int),
		held:  make(map[toyPair]bool),
	}
	for n, name := range names {
		s.logs[name] = &toyLog{}
		if name == s.name {
			s.self = uint64(n + 1)
			continue
		}
		s.peers = append(s.peers, name)
		s.toPeer[name] = &toyPush{patience: env.Never}
	}
	return s
}

func (s *toyShard) own() *toyLog { return s.logs[s.name] }

func (s *toyShard) addr(name string) string {
	return name + ":" + strconv.Itoa(toyPeerPort+int(s.id))
}

// Start opens the file. Everything else waits for the recovery.
func (s *toyShard) Start(env.Time) {
	path := "shard" + strconv.Itoa(int(s.id))
	s.host.Disk().Submit(diskfs.Op{Kind: diskfs.Open, Flags: diskfs.Create, Handle: toyHandle,
		Path: path})
}

func (s *toyShard) Step(now env.Time, ev *loop.Event) {
	switch ev.Kind {
	case loop.Disk:
		s.stepDisk(now, &ev.Disk)
	case loop.Mail:
		s.add(*ev.Mail.(*toyAdd))
	case loop.Net:
		if push := s.pushOf(ev.Net.Conn.ID()); push != nil {
			s.stepPush(now, push, &ev.Net)
		} else {
			s.stepFrom(&ev.Net)
		}
	}
}

// add takes a client's pair. A repeated pair is not appended again: it waits for the first.
func (s *toyShard) add(m toyAdd) {
	if !s.ready {
		s.early = append(s.early, m)
		return
	}
	at, known := s.index[m.pair]
	if !known {
		at = len(s.own().pairs)
		s.index[m.pair] = at
		s.own().pairs = append(s.own().pairs, m.pair)
		s.unsynced = append(s.unsynced, toyEntry{s.self, m.pair})
	}
	s.waits = append(s.waits, toyWait{uint64(at), m})
}

// EndTurn writes everything new with one write, pushes, and answers.
func (s *toyShard) EndTurn(now env.Time) {
	if !s.ready {
		return
	}
	s.write()
	if s.bug == MapRange {
		for name := range s.toPeer {
			s.push(now, name)
		}
	} else {
		for _, name := range s.peers {
			s.push(now, name)
		}
	}
	s.answer()
}

func (s *toyShard) push(now env.Time, name string) {
	p := s.toPeer[name]
	if p.patience <= now.Mono && p.conn != nil {
		p.conn.conn.Close()
		s.lost(now, p)
	}
	if p.conn == nil && p.dial <= now.Mono {
		p.dial = env.Never
		p.patience = now.Mono.Add(toyPatience)
		p.conn = &toyConn{}
		p.conn.conn = s.host.Network().Dial(s.addr(name), s.host.Sink(s.id))
	}
	if !p.known {
		return
	}
	// Only what is durable is pushed: after a crash this node must not put another pair at an index
	// that a peer already has.
	for ; p.next < s.own().durable && p.next < p.acked+toyWindow; p.next++ {
		pair := s.own().pairs[p.next]
		frame := toyFrame{toyPushed, pair.client, pair.seq, p.next}.encode()
		p.conn.conn.Send(frame)
		p.patience = min(p.patience, now.Mono.Add(toyPatience))
		if s.bug == StampLate && p.next%16 == 15 {
			frame[8]++
		}
	}
}

// answer replies to the requests with pairs that are durable on every node.
func (s *toyShard) answer() {
	committed := s.own().durable
	for _, name := range s.peers {
		committed = min(committed, s.toPeer[name].acked)
	}
	s.waits = slices.DeleteFunc(s.waits, func(w toyWait) bool {
		if w.at >= committed {
			return false
		}
		s.host.Reply(loop.Control, &toyAdded{w.m.conn, w.m.pair})
		return true
	})
}

func (s *toyShard) NextTimer() env.Instant {
	next := env.Never
	for _, name := range s.peers {
		if p := s.toPeer[name]; s.ready && p.conn == nil {
			next = min(next, p.dial)
		} else if s.ready {
			next = min(next, p.patience)
		}
	}
	return next
}

// stepPush handles a connection that this shard dialled.
func (s *toyShard) stepPush(now env.Time, p *toyPush, ev *netsim.Event) {
	switch ev.Kind {
	case netsim.Connected:
		p.conn.conn.Send(toyFrame{toyHello, s.self, 0, 0}.encode())
	case netsim.Received:
		p.conn.take(ev.Data)
		for f, ok := p.conn.next(); ok; f, ok = p.conn.next() {
			if f.kind == toyHave {
				p.acked = max(p.acked, f.a)
				if !p.known {
					p.known, p.next = true, f.a
				}
				p.patience = env.Never
				if p.acked < p.next {
					p.patience = now.Mono.Add(toyPatience)
				}
			}
		}
	case netsim.Closed:
		s.lost(now, p)
	}
}

func (s *toyShard) lost(now env.Time, p *toyPush) {
	p.conn, p.known, p.patience = nil, false, env.Never
	p.dial = now.Mono.Add(toyRedial)
	if s.bug == LostWakeup && p.acked > 0 {
		p.dial = env.Never
	}
}

func (s *toyShard) pushOf(id netsim.ConnID) *toyPush {
	for _, name := range s.peers {
		if p := s.toPeer[name]; p.conn != nil && p.conn.conn.ID() == id {
			return p
		}
	}
	return nil
}

// stepFrom handles a connection on which a peer pushes.
func (s *toyShard) stepFrom(ev *netsim.Event) {
	i := slices.IndexFunc(s.from, func(c *toyConn) bool { return c.conn.ID() == ev.Conn.ID() })
	switch {
	case ev.Kind == netsim.Accepted:
		s.from = append(s.from, &toyConn{conn: ev.Conn})
	case i < 0:
	case ev.Kind == netsim.Closed:
		s.from = slices.Delete(s.from, i, i+1)
	case ev.Kind == netsim.Received:
		c := s.from[i]
		c.take(ev.Data)
		for f, ok := c.next(); ok; f, ok = c.next() {
			s.pushed(c, f)
		}
	}
}

func (s *toyShard) pushed(c *toyConn, f toyFrame) {
	if f.kind == toyHello {
		c.peer = f.a
		log := s.logs[s.names[f.a-1]]
		// Pairs that are not durable yet are not counted: the peer pushes them again, and the code
		// below skips them.
		c.conn.Send(toyFrame{toyHave, log.durable, 0, 0}.encode())
		return
	}
	log := s.logs[s.names[c.peer-1]]
	if f.c == uint64(len(log.pairs)) {
		log.pairs = append(log.pairs, toyPair{f.a, f.b})
		s.unsynced = append(s.unsynced, toyEntry{c.peer, toyPair{f.a, f.b}})
		if s.bug == EarlyAck {
			c.conn.Send(toyFrame{toyHave, uint64(len(log.pairs)), 0, 0}.encode())
		}
	}
}

// AppendState implements StateAppender.
func (s *toyShard) AppendState(b []byte) []byte {
	for _, name := range s.names {
		log := s.logs[name]
		b = binary.LittleEndian.AppendUint64(b, uint64(len(log.pairs)))
		b = binary.LittleEndian.AppendUint64(b, log.durable)
		if len(log.pairs) > 0 {
			b = log.pairs[len(log.pairs)-1].append(b)
		}
	}
	for _, w := range s.waits {
		b = w.m.pair.append(b)
	}
	return binary.LittleEndian.AppendUint64(b, uint64(s.file))
}
