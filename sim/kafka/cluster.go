package kafka

import (
	"strconv"
	"time"

	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/broker/meta"
	"example.com/lockstep/broker/node"
	"example.com/lockstep/broker/shard"
	"example.com/lockstep/checker"
	"example.com/lockstep/sim/kafka/check"
	"example.com/lockstep/sim/kafka/client"
	"example.com/lockstep/sim/kafka/history"
	"example.com/lockstep/sim/plan"
	"example.com/lockstep/sim/world"
)

// cluster is the subject of worlds with brokers. It has the real broker on nodes of role
// "broker", Kafka clients on the others, the history of what they see, and the judgement.
type cluster struct {
	*client.Load
	facts         facts
	rest          rest
	circumstances *check.Circumstances
	pauses        *check.Pauses
	lastTarget    string // see Resolve
	watch         *checker.Watch
	recording     recording              // nil: no recording is made for a page
	operator      *operator              // nil: no operator asks from outside
	barriers      *barrierReads          // nil: no reads behind barriers
	images        map[*meta.Image]string // see StateText
}

var (
	_ world.Subject       = (*cluster)(nil)
	_ world.TurnObserver  = (*cluster)(nil)
	_ world.Correspondent = (*cluster)(nil)
	_ world.Restarter     = (*cluster)(nil)
	_ world.Rester        = (*cluster)(nil)
	_ world.Explainer     = (*cluster)(nil)
	_ world.PeerTeller    = (*cluster)(nil)
	_ world.Forgiver      = (*cluster)(nil)
	_ world.ReadCounter   = (*cluster)(nil)
	_ world.StateNamer    = (*cluster)(nil)
	_ world.Namer         = (*cluster)(nil)
)

// New makes the subject of a plan.
func New(plan *plan.Plan) world.Subject {
	c := &cluster{images: map[*meta.Image]string{}}
	c.Load = &client.Load{Plan: plan, Deleted: map[string]bool{},
		Malformed: map[checker.NodeID]uint64{}, Judge: c, Insight: c}
	for _, n := range plan.Nodes {
		if n.Role == "broker" {
			c.Brokers = append(c.Brokers, n.Name)
		}
	}
	for i := range c.Options().Topics.Or(1) {
		c.Topics = append(c.Topics, "t"+strconv.Itoa(int(i)))
	}
	c.RequestTimeout = time.Duration(c.Options().RequestTimeoutMs.Or(2000)) * time.Millisecond
	c.ConnIdle, c.RequestBytes = c.limits().ConnIdle, c.limits().RequestBytes
	c.facts.init(c)
	c.circumstances = &check.Circumstances{Plan: plan, Brokers: c.Brokers, Image: c.NewestImage,
		ClientName: c.ClientName}
	c.pauses = check.NewPauses(c.circumstances, c.limits(), c.facts.exists, c.pauseRoots)
	c.watch = checker.NewWatch(completeFacts)
	return c
}

// Factory implements Subject.
func (c *cluster) Factory(role string) world.NodeFactory {
	if role == "broker" {
		return c.broker
	}
	return func(i world.Incarnation) []loop.Loop {
		c.attach(i.World)
		return []loop.Loop{c.Load.NewClient(i)}
	}
}

func (c *cluster) attach(w *world.World) {
	if c.World == nil {
		c.World = w
		c.Rec = &history.Recorder{World: w}
		c.circumstances.World, c.circumstances.History = w, &c.Rec.History
		if t, ok := w.Recorder().(recording); ok {
			c.recording, c.Load.Recording = t, t
		}
		c.operatorAsks(w)
		c.followBudget(w)
		c.readBehindBarriers(w)
		c.replaceLostVoters(w)
	}
}

// broker makes one incarnation of a broker.
func (c *cluster) broker(i world.Incarnation) []loop.Loop {
	c.attach(i.World)
	return node.New(c.nodeConfig(i), i.Hosts)
}

// recording is implemented by recorders that also take requests and replicas, for the page
// about a run. It is not the history.
type recording interface {
	client.Recording
	Replica(node kafka.NodeID, incarnation int32, old, now *shard.PartState)
	Violation(v *checker.Violation)
}

// History is the history that clients and the observer recorded; nil if no node has
// started.
func (c *cluster) History() *checker.History {
	if c.Rec == nil {
		return nil
	}
	return &c.Rec.History
}

// Healed implements Subject.
func (c *cluster) Healed(*world.World) { c.FaultsOver = true }

// control looks into the control loop of a broker. It returns false while the broker is
// down or its loop recovers.
func (c *cluster) control(name string) (node.ControlState, bool) {
	n := c.World.Node(name)
	if !n.Up() {
		return node.ControlState{}, false
	}
	return n.Loop(loop.Control).(*node.Control).Inspect()
}

// registeredImage returns what a broker has applied, or nil if it is down or its incarnation is not
// the one that is registered.
func (c *cluster) registeredImage(id kafka.NodeID) *meta.Image {
	for _, name := range c.Brokers {
		if kafka.NodeID(history.NodeOf(name)) != id {
			continue
		}
		if state, ok := c.control(name); ok && state.Epoch != 0 {
			return state.Image
		}
	}
	return nil
}
