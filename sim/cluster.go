package sim

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/broker/meta"
	"example.com/lockstep/broker/node"
	"example.com/lockstep/broker/shard"
	"example.com/lockstep/checker"
)

// cluster is the subject of broker worlds: the real broker on nodes of role
// "broker", Kafka clients on the others, the record of what they see, and the
// judgement.
type cluster struct {
	plan           *Plan
	world          *World
	rec            *recorder
	brokers        []string // names: b1, b2, ...
	topics         []string // of the workload
	clients        []*kafkaClient
	requestTimeout time.Duration // of requests that carry none
	healed         bool
	deleted        map[string]bool           // topic names whose deletion was asked
	vandalised     map[checker.NodeID]uint64 // produces to partitions that no history has; looked up only
	facts          facts
	rest           rest
	pauses         pauses
	lastTarget     string                 // see Resolve
	images         map[*meta.Image]string // see StateText
	tape           tape                   // nil: nobody takes the run down
	operator       *operator              // nil: nobody asks from outside
	barriers       *barrierReads          // nil: nobody reads behind barriers
	watch          *checker.Watch
}

var (
	_ Subject       = (*cluster)(nil)
	_ TurnObserver  = (*cluster)(nil)
	_ Correspondent = (*cluster)(nil)
	_ Restarter     = (*cluster)(nil)
	_ Rester        = (*cluster)(nil)
	_ Explainer     = (*cluster)(nil)
	_ PeerTeller    = (*cluster)(nil)
	_ Forgiver      = (*cluster)(nil)
	_ ReadCounter   = (*cluster)(nil)
	_ StateNamer    = (*cluster)(nil)
)

func newCluster(plan *Plan) Subject {
	c := &cluster{plan: plan, deleted: map[string]bool{}, vandalised: map[checker.NodeID]uint64{}, images: map[*meta.Image]string{}}
	for _, n := range plan.Nodes {
		if n.Role == "broker" {
			c.brokers = append(c.brokers, n.Name)
		}
	}
	for i := range c.options().Topics.Or(1) {
		c.topics = append(c.topics, "t"+strconv.Itoa(int(i)))
	}
	c.requestTimeout = time.Duration(c.options().RequestTimeoutMs.Or(2000)) * time.Millisecond
	c.facts.init(c)
	c.followPauses()
	c.watch = checker.NewWatch(recorded)
	return c
}

// options are what the plan says of the load, the brokers and the demands.
func (c *cluster) options() *WorkloadOptions { return &c.plan.Workload.Options }

// pace stretches a pause in the part of a run in which the plan wants little
// load, so that hours can be simulated.
func (c *cluster) pace(d time.Duration) time.Duration {
	from, until := c.options().SlowFromMs.Or(-1), c.options().SlowUntilMs.Or(-1)
	if now := int64(c.world.Now()) / int64(time.Millisecond); from >= 0 && now >= from && now < until {
		slow := time.Duration(c.options().SlowEveryMs.Or(5000)) * time.Millisecond
		left := time.Duration(until-now) * time.Millisecond
		return max(d, min(slow, left))
	}
	return d
}

// Factory implements Subject.
func (c *cluster) Factory(role string) NodeFactory {
	if role == "broker" {
		return c.broker
	}
	return func(i Incarnation) []loop.Loop {
		c.attach(i.World)
		k := newKafkaClient(c, i)
		switch role {
		case "producer":
			k.script = newProducer(k)
		case "consumer":
			k.script = newConsumer(k)
		case "reader":
			k.script = newEndReader(k)
		case "admin":
			k.script = newAdmin(k)
		case "vandal":
			k.script = &vandal{c: k}
		case "sloth":
			k.script = &sloth{c: k}
		default:
			panic("sim: no client of role " + role)
		}
		c.clients = append(c.clients, k)
		return []loop.Loop{k}
	}
}

func (c *cluster) attach(w *World) {
	if c.world == nil {
		c.world = w
		c.rec = &recorder{world: w}
		c.tape, _ = w.Recorder().(tape)
		c.operatorAsks(w)
		c.followBudget(w)
		c.readBehindBarriers(w)
	}
}

// broker makes one life of a broker.
func (c *cluster) broker(i Incarnation) []loop.Loop {
	c.attach(i.World)
	return node.New(c.nodeConfig(i), i.Hosts)
}

// tape is implemented by recorders that want to know of requests and replicas.
type tape interface {
	requestTape
	Replica(node kafka.NodeID, incarnation int32, old, now *shard.PartState)
	Violation(v *checker.Violation)
}

// requestTape hears of the requests of clients, by their index in the history.
type requestTape interface {
	RequestLeaves(i int) // with the next frame
	RequestEnded(i int)
}

// History is what the clients and the observer have recorded; nil if nothing was.
func (c *cluster) History() *checker.History {
	if c.rec == nil {
		return nil
	}
	return &c.rec.h
}

// Healed implements Subject.
func (c *cluster) Healed(*World) { c.healed = true }

// Pending implements Subject: the brokers come first, since clients wait for them.
func (c *cluster) Pending(w *World) []string {
	out := c.unsettled()
	for _, k := range c.clients {
		out = append(out, k.script.pending()...)
	}
	return out
}

// unsettled names the brokers and partitions that have not converged: every
// node acts on the newest metadata, every ISR is full, every replica has all.
func (c *cluster) unsettled() []string {
	var out []string
	newest := c.newestImage()
	if newest == nil {
		return []string{"no node has metadata"}
	}
	for _, name := range c.brokers {
		state, ok := c.control(name)
		b := newest.Broker(kafka.NodeID(nodeOfAddr(name)))
		switch {
		case !ok:
			out = append(out, name+" has not recovered")
		case state.Image.Index() != newest.Index():
			out = append(out, fmt.Sprintf("%s has applied %d of %d", name, state.Image.Index(), newest.Index()))
		case b == nil || b.Fenced:
			out = append(out, name+" is fenced")
		}
	}
	for _, t := range c.topicsOf(newest) {
		for i, p := range t.Partitions {
			id := kafka.PartitionID{Topic: t.ID, Partition: int32(i)}
			if len(p.ISR) < len(p.Replicas) {
				out = append(out, fmt.Sprintf("%s/%d has ISR %v of %v, leader %d", t.Name, i, p.ISR, p.Replicas, p.Leader))
				continue
			}
			out = append(out, c.lagging(t.Name, id, p.Replicas)...)
		}
	}
	return out
}

func (c *cluster) lagging(topic string, id kafka.PartitionID, replicas []kafka.NodeID) (out []string) {
	end, watermark := kafka.Offset(-1), kafka.Offset(-1)
	for _, n := range replicas {
		t := c.facts.replica(n, id)
		if t == nil {
			return append(out, fmt.Sprintf("%s/%d is not on node %d", topic, id.Partition, n))
		}
		if end < 0 {
			end, watermark = t.state.End, t.state.Watermark
		}
		if t.state.End != end || t.state.Durable != end || t.state.Watermark != watermark || watermark != end {
			return append(out, fmt.Sprintf("%s/%d on node %d: watermark %d, durable %d, end %d; on node %d end %d",
				topic, id.Partition, n, t.state.Watermark, t.state.Durable, t.state.End, replicas[0], end))
		}
	}
	return out
}

// control looks into a broker's control loop; false while it is down or recovers.
func (c *cluster) control(name string) (node.ControlState, bool) {
	n := c.world.Node(name)
	if !n.Up() {
		return node.ControlState{}, false
	}
	return n.Loop(loop.Control).(*node.Control).Inspect()
}

// excuse says why nothing can be asked of an answer from a broker to a client
// since a moment; "" if nothing excuses it. A disk, a peer or a controller in
// trouble excuses nobody: deadlines are kept by timers.
func (c *cluster) excuse(client string, broker checker.NodeID, since env.Instant) string {
	name := "b" + strconv.Itoa(int(broker))
	now := c.world.Now()
	for _, f := range c.world.FaultSpans() {
		if f.To != env.Never && f.To.Add(2*time.Second) < since || f.From > now {
			continue
		}
		switch f.Kind {
		case "freeze", "freeze-loop", "slow", "kill", "power-off", "torn-power-off", "crash-loop", "clean-stop", "rolling-restart", "rack-power-off",
			"reshard", "isolate", "reset-connections", "half-open", "refuse":
			if f.Node == name || f.Node == client {
				return f.Kind + " of " + f.Node
			}
		case "cut", "flap", "stall-link", "slow-link", "limit-link", "spike-link", "sever":
			if (f.Node == name || f.Peer == name) && (f.Node == client || f.Peer == client) {
				return f.Kind
			}
		case "clock-drift":
			if f.Node == name && (f.To == env.Never || f.To >= since) {
				return f.Kind
			}
		}
	}
	if !c.world.Node(name).Up() || c.facts.startedSince(name, since) {
		return name + " was down"
	}
	return ""
}

// readsStuck reports whether reads of a broker may have waited for its disk at any
// time since a moment.
func (c *cluster) readsStuck(broker checker.NodeID, since env.Instant) bool {
	return slices.ContainsFunc(c.world.FaultSpans(), func(f FaultSpan) bool {
		return f.Node == brokerName(kafka.NodeID(broker)) && f.To >= since && slices.Contains(readHolders, f.Kind)
	})
}

// readHolders are the kinds of faults that let reads wait.
var readHolders = []string{"disk-stall", "disk-slow", "hold-completions"}

// Resolve implements Subject. "last" is the first node of what was resolved
// before it; the others are roles at this moment: see role.
func (c *cluster) Resolve(w *World, name string) (string, bool) {
	resolved, ok := c.role(w, name)
	if ok {
		c.lastTarget = strings.FieldsFunc(resolved, func(r rune) bool { return strings.ContainsRune("->/", r) })[0]
	}
	return resolved, ok
}

// role finds "controller", "follower", "leader" (of the first
// partition of the first topic), "leader-loop" and "control-loop" of such nodes,
// "bystander" (leads nothing), and links between two of them.
func (c *cluster) role(w *World, name string) (string, bool) {
	for _, sign := range []string{">", "-with-"} {
		if a, b, ok := strings.Cut(name, sign); ok {
			x, okA := c.role(w, a)
			y, okB := c.role(w, b)
			if sign != ">" {
				sign = "-"
			}
			return x + sign + y, okA && okB && x != y
		}
	}
	if w.Node(name) != nil {
		return name, true
	}
	image := c.newestImage()
	if image == nil {
		return "", false
	}
	t := image.Topic(c.topics[0])
	broker := func(id kafka.NodeID) (string, bool) { return "b" + strconv.Itoa(int(id)), id >= 1 }
	switch name {
	case "last":
		return c.lastTarget, c.lastTarget != ""
	case "controller", "control-loop":
		for _, b := range c.brokers {
			if s, ok := c.control(b); ok && s.Leading {
				if name == "control-loop" {
					return b + "/0", true
				}
				return b, true
			}
		}
		return "", false
	case "leader", "leader-loop", "follower":
		if t == nil {
			return "", false
		}
		p := t.Partitions[0]
		if name == "follower" {
			for _, r := range p.Replicas {
				if r != p.Leader {
					return broker(r)
				}
			}
			return "", false
		}
		leader, ok := broker(p.Leader)
		if name == "leader" || !ok {
			return leader, ok
		}
		place := shard.Place(kafka.PartitionID{Topic: t.ID}, w.Node(leader).Spec().Shards)
		return leader + "/" + strconv.Itoa(int(place)), true
	}
	return "", false
}
