package client

import (
	"encoding/binary"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/checker"
	"example.com/lockstep/netsim"
	"example.com/lockstep/sim/kafka/history"
	"example.com/lockstep/sim/world"
)

// Client is one simulated Kafka client: a loop on its own machine, which speaks real
// frames. It knows the addresses of the brokers, keeps metadata fresh and connections open.
// Its script decides what it asks.
//
// It records the topics of each metadata answer in History.MetadataSeen, and its requests
// in History.Requests (see connection). Package checker judges both.
type Client struct {
	load    *Load
	host    loop.Host
	Name    string
	Number  int // of the client in the history
	rand    *env.Rand
	timers  loop.Timers[func(env.Time)]
	conns   []*connection
	script  clientScript
	stopped bool

	topics     map[string]*clientTopic // looked up by name only
	brokers    map[int32]string        // addresses by id
	refreshing bool
	refreshed  env.Instant // when metadata last came
	versions   clientVersions
}

// clientVersions are the versions of the APIs that a client speaks. They are drawn for each
// client.
type clientVersions struct{ produce, fetch, listOffsets, metadata int16 }

type clientTopic struct {
	id      [16]byte
	leaders []int32
	epochs  []int32
}

// clientScript decides what a client asks.
type clientScript interface {
	// start is called once. After that, timers call the script.
	start(now env.Time)
	// informed is called when metadata has come.
	informed(now env.Time)
	// pending names what the client still waits for after the healing.
	pending() []string
}

// rawScript is a script with its own connection, which does not keep to the rules of
// [connection].
type rawScript interface {
	// event takes an event of that connection, or of one that was closed.
	event(now env.Time, ev *netsim.Event)
	// end closes that connection.
	end()
}

// NewClient makes the client for the role of its machine.
func (l *Load) NewClient(i world.Incarnation) *Client {
	c := newClient(l, i)
	switch role := i.Spec.Role; role {
	case "producer":
		c.script = newProducer(c)
	case "consumer":
		c.script = newConsumer(c)
	case "reader":
		c.script = newEndReader(c)
	case "admin":
		c.script = newAdmin(c)
	case "member":
		c.script = newMember(c)
	case "malformed":
		c.script = &malformed{c: c}
	case "greedy":
		c.script = &greedy{c: c}
	case "slowreader":
		c.script = &slowReader{c: c}
	default:
		panic("sim: no client of role " + role)
	}
	l.Clients = append(l.Clients, c)
	return c
}

func newClient(l *Load, i world.Incarnation) *Client {
	c := &Client{
		load: l, host: i.Hosts[0], Name: i.Spec.Name, Number: len(l.Clients) + 1,
		rand:    i.Hosts[0].Entropy("client", "script"),
		topics:  map[string]*clientTopic{},
		brokers: map[int32]string{},
	}
	pick := func(choices ...int16) int16 { return choices[c.rand.IntN(len(choices))] }
	c.versions = clientVersions{produce: pick(3, 7, 8, 9, 11, 13),
		fetch: pick(4, 8, 11, 12, 13, 16), listOffsets: pick(1, 4, 6, 10), metadata: pick(10, 12)}
	return c
}

// Start implements loop.Loop.
func (c *Client) Start(now env.Time) {
	c.refresh(now)
	c.script.start(now)
	c.keepFresh(now)
}

// keepFresh asks for metadata at intervals, whether anything changed or not.
func (c *Client) keepFresh(now env.Time) {
	pause := c.between(800*time.Millisecond, 3*time.Second)
	if ms := c.load.Options().RefreshMs.Or(0); ms > 0 {
		pause = time.Duration(ms) * time.Millisecond
	}
	c.after(now, c.load.pace(pause), func(now env.Time) {
		if c.stopped {
			return
		}
		c.refresh(now)
		c.keepFresh(now)
	})
}

// Step implements loop.Loop.
func (c *Client) Step(now env.Time, ev *loop.Event) {
	if ev.Kind != loop.Net {
		return
	}
	for _, k := range c.conns {
		if k.conn.ID() == ev.Net.Conn.ID() {
			k.step(now, &ev.Net)
			return
		}
	}
	if s, ok := c.script.(rawScript); ok {
		s.event(now, &ev.Net)
	}
}

// EndTurn implements loop.Loop.
func (c *Client) EndTurn(now env.Time) {
	for {
		due, ok := c.timers.Pop(now.Mono)
		if !ok {
			return
		}
		due(now)
	}
}

// NextTimer implements loop.Loop.
func (c *Client) NextTimer() env.Instant { return c.timers.Next() }

// AppendState implements StateAppender.
func (c *Client) AppendState(b []byte) []byte {
	b = binary.LittleEndian.AppendUint64(b, uint64(c.timers.Next()))
	return binary.LittleEndian.AppendUint64(b, uint64(len(c.conns)))
}

func (c *Client) after(now env.Time, d time.Duration,
	do func(env.Time)) *loop.Timer[func(env.Time)] {
	return c.timers.Set(now.Mono.Add(d), do)
}

func (c *Client) between(low, high time.Duration) time.Duration {
	return time.Duration(c.rand.Between(int64(low), int64(high)))
}

// Pending names what the client still waits for, once the run is healed.
func (c *Client) Pending() []string { return c.script.pending() }

// Stop closes all connections. The client does nothing after that.
func (c *Client) Stop(now env.Time) {
	c.stopped = true
	if s, ok := c.script.(rawScript); ok {
		s.end()
	}
	for len(c.conns) > 0 {
		c.conns[0].drop(now)
	}
	c.timers = loop.Timers[func(env.Time)]{}
}

// --- routing ---

// connTo returns an open connection to an address. It dials if there is none.
func (c *Client) connTo(now env.Time, addr string) *connection {
	for _, k := range c.conns {
		if k.addr == addr && !k.closed {
			return k
		}
	}
	return c.dial(now, addr)
}

// anyBroker is the address of a random broker, which may be down.
func (c *Client) anyBroker() string {
	return history.KafkaAddr(c.load.Brokers[c.rand.IntN(len(c.load.Brokers))])
}

// leader is the address of a partition's leader; false if none is known.
func (c *Client) leader(topic string, partition int32) (string, bool) {
	t := c.topics[topic]
	if t == nil || int(partition) >= len(t.leaders) || t.leaders[partition] < 0 {
		return "", false
	}
	addr, ok := c.brokers[t.leaders[partition]]
	return addr, ok
}

func (c *Client) epoch(topic string, partition int32) int32 {
	if t := c.topics[topic]; t != nil && int(partition) < len(t.epochs) {
		return t.epochs[partition]
	}
	return -1
}

// refresh asks a random broker for metadata, unless a request for it is on its way.
func (c *Client) refresh(now env.Time) {
	if c.refreshing || c.stopped {
		return
	}
	c.refreshing = true
	req := kmsg.NewPtrMetadataRequest()
	req.Version = c.versions.metadata
	k := c.connTo(now, c.anyBroker())
	var call checker.Moment
	k.call(now, &pendingCall{req: req, timeout: c.load.RequestTimeout,
		began: func() { call = c.load.Rec.Moment() },
		done: func(now env.Time, resp kmsg.Response) {
			c.refreshing = false
			if resp == nil {
				c.after(now, c.between(20*time.Millisecond, 100*time.Millisecond), c.refresh)
				return
			}
			c.learn(now, k.node, call, resp.(*kmsg.MetadataResponse))
		}})
}

func (c *Client) learn(now env.Time, node checker.NodeID, call checker.Moment,
	resp *kmsg.MetadataResponse) {
	rec := c.load.Rec
	c.refreshed = now.Mono
	for _, b := range resp.Brokers {
		c.brokers[b.NodeID] = b.Host + ":" + strconv.Itoa(int(b.Port))
	}
	ret := rec.Moment()
	for i := range resp.Topics {
		t := &resp.Topics[i]
		if t.Topic == nil || t.ErrorCode != 0 {
			continue
		}
		info := &clientTopic{id: t.TopicID, leaders: make([]int32, len(t.Partitions)),
			epochs: make([]int32, len(t.Partitions))}
		read := checker.MetadataRead{ID: rec.ID(), Node: node, Call: call, Return: ret,
			Topic: *t.Topic, TopicID: history.TopicText(t.TopicID),
			Epochs: make([]checker.Epoch, len(t.Partitions))}
		for j := range info.leaders {
			info.leaders[j] = -1
		}
		for _, p := range t.Partitions {
			if int(p.Partition) >= len(info.leaders) {
				continue
			}
			read.Epochs[p.Partition] = checker.Epoch(p.LeaderEpoch)
			// A broker with old metadata must not send the client back to an old leader.
			info.leaders[p.Partition], info.epochs[p.Partition] = p.Leader, p.LeaderEpoch
			if old := c.topics[*t.Topic]; old != nil && old.id == t.TopicID &&
				int(p.Partition) < len(old.epochs) && old.epochs[p.Partition] > p.LeaderEpoch {
				info.leaders[p.Partition], info.epochs[p.Partition] = old.leaders[p.Partition],
					old.epochs[p.Partition]
			}
		}
		rec.History.MetadataSeen = append(rec.History.MetadataSeen, read)
		c.topics[*t.Topic] = info
	}
	c.script.informed(now)
}
