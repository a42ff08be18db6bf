package sim

import (
	"strconv"
	"time"

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
	*load
	facts         facts
	rest          rest
	circumstances *circumstances
	pauses        *pauses
	lastTarget    string // see Resolve
	watch         *checker.Watch
	tape          tape                   // nil: nobody takes the run down
	operator      *operator              // nil: nobody asks from outside
	barriers      *barrierReads          // nil: nobody reads behind barriers
	images        map[*meta.Image]string // see StateText
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
	c := &cluster{images: map[*meta.Image]string{}}
	c.load = &load{plan: plan, deleted: map[string]bool{}, malformed: map[checker.NodeID]uint64{}, judge: c, insight: c}
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
	c.circumstances = &circumstances{plan: plan, brokers: c.brokers, image: c.NewestImage, clientName: c.ClientName}
	c.pauses = newPauses(c.circumstances, c.limits(), c.facts.exists, c.pauseRoots)
	c.watch = checker.NewWatch(recorded)
	return c
}

// Factory implements Subject.
func (c *cluster) Factory(role string) NodeFactory {
	if role == "broker" {
		return c.broker
	}
	return func(i Incarnation) []loop.Loop {
		c.attach(i.World)
		return []loop.Loop{c.load.newClient(i)}
	}
}

func (c *cluster) attach(w *World) {
	if c.world == nil {
		c.world = w
		c.rec = &recorder{world: w}
		c.circumstances.world, c.circumstances.history = w, &c.rec.h
		if t, ok := w.Recorder().(tape); ok {
			c.tape, c.load.tape = t, t
		}
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

// History is what the clients and the observer have recorded; nil if nothing was.
func (c *cluster) History() *checker.History {
	if c.rec == nil {
		return nil
	}
	return &c.rec.h
}

// Healed implements Subject.
func (c *cluster) Healed(*World) { c.healed = true }

// control looks into a broker's control loop; false while it is down or recovers.
func (c *cluster) control(name string) (node.ControlState, bool) {
	n := c.world.Node(name)
	if !n.Up() {
		return node.ControlState{}, false
	}
	return n.Loop(loop.Control).(*node.Control).Inspect()
}
