package sim

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/broker/wait"
	"example.com/lockstep/checker"
	"example.com/lockstep/mutants"
)

// listing is a subject whose loops do nothing but list waits that a test gives.
type listing struct {
	waits map[string][]wait.Wait // by loop: "n1/0"
}

type listingLoop struct{ waits []wait.Wait }

func (l *listingLoop) Start(env.Time)             {}
func (l *listingLoop) Step(env.Time, *loop.Event) {}
func (l *listingLoop) EndTurn(env.Time)           {}
func (l *listingLoop) NextTimer() env.Instant     { return env.Never }

func (l *listingLoop) Waits(yield func(wait.Wait)) {
	for _, w := range l.waits {
		yield(w)
	}
}

func (s *listing) Factory(string) NodeFactory {
	return func(i Incarnation) (loops []loop.Loop) {
		for id := range i.Hosts {
			h := i.Hosts[id].(*loopHost)
			loops = append(loops, &listingLoop{s.waits[h.place()]})
		}
		return loops
	}
}

func (s *listing) Healed(*World)                         {}
func (s *listing) Pending(*World) []string               { return nil }
func (s *listing) Check(*World)                          {}
func (s *listing) Resolve(*World, string) (string, bool) { return "", false }
func (s *listing) NodeName(id kafka.NodeID) string       { return "n" + string('0'+rune(id)) }
func (s *listing) Tell(*Node) string                     { return "" }
func waitFor(who, what string, on wait.Target) wait.Wait {
	return wait.Wait{Who: who, Since: wait.Unknown, Until: env.Never, For: what, On: on}
}

// stallOfWorld is what is said of the first operation of n1's control loop after
// two seconds.
func stallOfWorld(t *testing.T, waits map[string][]wait.Wait, faults ...Fault) *Stall {
	plan := &Plan{
		Version: PlanVersion, Scenario: "listing", Duration: Duration(10 * time.Second), Liveness: 1, MaxEvents: 1000,
		Nodes:  []NodeSpec{{Name: "n1", Shards: 1}, {Name: "n2", Shards: 1}, {Name: "n3", Shards: 1}},
		Limits: DrawLimits(env.NewRand(1, 2)), Faults: faults,
	}
	w, err := NewWorld(plan, &listing{waits}, Options{})
	require.NoError(t, err)
	defer w.Close()
	require.True(t, w.advance(env.Instant(2*time.Second)))
	return w.stallOf("it ends", "", []Overdue{{At: []StallPlace{{Node: "n1", Op: waits["n1/0"][0].Who}}}})
}

func TestTheWorldSaysWhoHoldsWhatTheLoopsWaitFor(t *testing.T) {
	at := Duration(time.Second)
	for _, c := range []struct {
		name   string
		waits  map[string][]wait.Wait
		faults []Fault
		end    string
		last   string // step
	}{
		{
			"a peer that a fault has ended",
			map[string][]wait.Wait{"n1/0": {waitFor("op 1", "an ack", wait.OfPeer(2, "op"))}},
			[]Fault{{At: at, Kind: "kill", Target: "n2"}}, "fault", "fault 1 kill n2 (since 1s): until the healing",
		},
		{
			"a peer that is frozen",
			map[string][]wait.Wait{"n1/0": {waitFor("op 1", "an ack", wait.OfPeer(2, "op"))}},
			[]Fault{{At: at, Kind: "freeze", Target: "n2", For: Duration(9 * time.Second)}}, "fault", "fault 1 freeze n2 (since 1s): until 10s",
		},
		{
			"a loop of a peer that stands still may hold it",
			map[string][]wait.Wait{"n1/0": {waitFor("op 1", "an ack", wait.OfPeer(2, "op"))}},
			[]Fault{{At: at, Kind: "freeze-loop", Target: "n2/1"}}, "fault", "fault 1 freeze-loop n2/1 (since 1s): until the healing",
		},
		{
			"a link on which nothing comes back",
			map[string][]wait.Wait{"n1/0": {waitFor("op 1", "an ack", wait.OfPeer(2, "op"))}},
			[]Fault{{At: at, Kind: "cut", Target: "n3>n1"}, {At: at, Kind: "stall-link", Target: "n2>n1"}},
			"fault", "fault 2 stall-link n2>n1 (since 1s): until the healing",
		},
		{
			"a peer that was started again",
			map[string][]wait.Wait{"n1/0": {{Who: "op 1", Since: 0, Until: env.Never, For: "an ack", On: wait.OfPeer(2, "op")}}},
			[]Fault{{At: at, Kind: "kill", Target: "n2", For: at / 2}},
			"lost wake-up", "n2 op: life 1 ended (killed) at 1s by fault 1 kill n2; life 2, from 1.5s on, knows nothing of it",
		},
		{
			"a peer that has it and waits for a third",
			map[string][]wait.Wait{
				"n1/0": {waitFor("op 1", "an ack", wait.OfPeer(2, "op"))},
				"n2/1": {waitFor("op", "its log", wait.Of("log")), waitFor("log", "a vote", wait.OfPeer(3, "vote"))},
			}, nil, "lost wake-up", "n3 vote: the node runs, and nothing of that name is pending there",
		},
		{
			"two loops without room for each other's mail",
			map[string][]wait.Wait{
				"n1/0": {waitFor("op 1", "loop 1", wait.OfLoop(1, "call")), waitFor(wait.Self, "room", wait.OfMailbox(1))},
				"n1/1": {waitFor(wait.Self, "room", wait.OfMailbox(0)), waitFor("call", "nothing", wait.Of("nothing"))},
			}, nil, "cycle", "n1/1 (the last turn was at 0s) waits for room, and so for n1/0 again",
		},
		{
			"a loop that waits as a whole goes on with what it waits for",
			map[string][]wait.Wait{"n1/0": {
				waitFor("op 1", "the disk", wait.Of("records")), waitFor("records", "the log", wait.Of("log")),
				waitFor("log", "a vote", wait.OfPeer(2, "vote")), waitFor(wait.Self, "its records", wait.Of("records")),
			}}, nil, "lost wake-up", "n2 vote: the node runs, and nothing of that name is pending there",
		},
		{
			"another loop that has nothing of it",
			map[string][]wait.Wait{"n1/0": {waitFor("op 1", "an answer", wait.OfLoop(1, "call"))}},
			nil, "lost wake-up", "n1/1 call: the loop runs, and has nothing of that name pending",
		},
		{
			"a timer that is not set",
			map[string][]wait.Wait{"n1/0": {waitFor("op 1", "its time", wait.OfTimer(1))}},
			nil, "lost wake-up", "n1/0 timer: due at 0s, and the loop has no timer before the end of time",
		},
		{
			"a disk operation that was never submitted",
			map[string][]wait.Wait{"n1/0": {waitFor("op 1", "its sync", wait.OfDisk(1, 7))}},
			nil, "lost wake-up", "n1/0 disk operation: the disk has no such operation",
		},
		{
			"a node that the world does not know",
			map[string][]wait.Wait{"n1/0": {waitFor("op 1", "an ack", wait.OfPeer(9, "op"))}},
			nil, "unknown", "node 9: the world has no such node",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := stallOfWorld(t, c.waits, c.faults...)
			require.Len(t, s.Chains, 1, "%s", s)
			chain := s.Chains[0]
			require.Equal(t, c.end, chain.End, "%s", s)
			require.Equal(t, c.last, strings.TrimSpace(chain.Text[len(chain.Text)-1]), "%s", s)
		})
	}
}

// TestPlantedDeadlocksAreNamed: what the report of each of the three says first.
func TestPlantedDeadlocksAreNamed(t *testing.T) {
	if testing.Short() {
		t.Skip("builds another program")
	}
	program, err := buildMutants()
	require.NoError(t, err)
	for _, c := range []struct {
		name string
		is   func(t *testing.T, c StallChain)
	}{
		{"L1", func(t *testing.T, c StallChain) {
			require.Equal(t, "lost wake-up", c.End)
			require.Regexp(t, `^b\d proposal \d+ of node \d$`, c.Culprit, "what the controller was asked for")
			command := c.Steps[len(c.Steps)-2]
			require.Regexp(t, `^command \d+$`, command.Who)
			require.NotNil(t, command.Until, "its deadline has passed, and nobody keeps it")
		}},
		{"L2", func(t *testing.T, c StallChain) {
			require.Equal(t, "fault", c.End)
			require.Regexp(t, `^fault 1 (disk|sync)-stall b\d$`, c.Culprit)
			require.Regexp(t, `^b\d/0$`, c.Steps[1].Where)
			require.Equal(t, wait.Self, c.Steps[1].Who, "the control loop as a whole")
			require.Contains(t, c.Steps[len(c.Steps)-2].Who, "disk ")
		}},
		{"L3", func(t *testing.T, c StallChain) {
			require.Equal(t, "cycle", c.End)
			require.Regexp(t, `^b\d/\d(, b\d/\d)+ wait for each other$`, c.Culprit)
			for _, s := range c.Steps[c.Back:] {
				require.Contains(t, s.For, "room in the mailbox of loop ")
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, ok := mutants.Find(c.name)
			require.True(t, ok)
			run := HuntMutant(m, 0, Campaign{Program: program, Workers: *workersFlag}, Campaign{Workers: *workersFlag})
			require.True(t, run.Caught)
			require.NotNil(t, run.Stall)
			c.is(t, run.Stall.Chains[0])
		})
	}
}

// pausing is a cluster some seconds old, without faults, in which produces are made up.
func pausing(t *testing.T) (w *World, c *cluster, produce func(at time.Duration, acked bool)) {
	plan, err := NewPlan("steady", 2)
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(plan.Nodes), 3)
	plan.Duration = Duration(time.Minute)
	c = newCluster(plan).(*cluster)
	w, err = NewWorld(plan, c, Options{})
	require.NoError(t, err)
	t.Cleanup(w.Close)
	require.True(t, w.advance(env.Instant(4*time.Second)))
	var real *checker.Produce
	for i := range c.rec.h.Produces {
		if op := &c.rec.h.Produces[i]; op.Acks == checker.AcksAll && op.Outcome == checker.Acked {
			real = op
		}
	}
	require.NotNil(t, real)
	p := *real
	c.pauses = pauses{}
	c.followPauses()
	return w, c, func(at time.Duration, acked bool) {
		op := p
		op.Call.At, op.Outcome = at, checker.Ambiguous
		c.rec.h.Produces = append(c.rec.h.Produces, op)
		i := len(c.rec.h.Produces) - 1
		try := c.pauses.began(i)
		require.NotNil(t, try)
		if acked {
			c.rec.h.Produces[i].Outcome, c.rec.h.Produces[i].Return.At = checker.Acked, at+time.Millisecond
		}
		c.pauses.ended(try)
	}
}

func TestAPauseWhereQuorumsStandIsFoundWithItsGraph(t *testing.T) {
	_, c, produce := pausing(t)
	produce(5*time.Second, true)
	for at := 6 * time.Second; at <= 6*time.Second+quorumPause; at += time.Second {
		produce(at, false)
	}
	require.Empty(t, c.pauses.found)
	produce(7*time.Second+quorumPause, false)
	require.Len(t, c.pauses.found, 1)
	require.Equal(t, 1, c.pauses.found[0].stall.Overdue)
	produce(8*time.Second+quorumPause, false)
	require.Len(t, c.pauses.found, 1, "once a partition")
}

func TestAControllerThatBeginsWithinAPauseAddsToItsBoundOnce(t *testing.T) {
	for name, c := range map[string]struct {
		terms []time.Duration // when controllers began
		bound time.Duration
	}{
		"none":              {nil, 2 * time.Second},
		"before the pause":  {[]time.Duration{4500 * time.Millisecond}, 2 * time.Second},
		"within the pause":  {[]time.Duration{6 * time.Second}, 5 * time.Second},
		"two in that pause": {[]time.Duration{6 * time.Second, 7 * time.Second}, 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			_, cluster, produce := pausing(t)
			cluster.pauses.bound, cluster.pauses.change = 2*time.Second, 3*time.Second
			produce(5*time.Second, true)
			for _, at := range c.terms {
				cluster.rec.h.Controllers = append(cluster.rec.h.Controllers, checker.ControllerFact{At: checker.Moment{At: at}})
			}
			acked := 5*time.Second + time.Millisecond
			produce(acked, false)
			produce(acked+c.bound, false)
			require.Empty(t, cluster.pauses.found)
			produce(acked+c.bound+1, false)
			require.Len(t, cluster.pauses.found, 1)
			require.Contains(t, cluster.pauses.found[0].detail, "the bound is "+c.bound.String())
		})
	}
}

func TestAPauseIsNoneWithoutTriesOrUnderFaults(t *testing.T) {
	for name, strike := range map[string]func(w *World, c *cluster){
		"few tries": func(*World, *cluster) {},
		"a fault on the leader": func(w *World, c *cluster) {
			l := c.rec.h.Leaders[len(c.rec.h.Leaders)-1]
			for _, f := range c.rec.h.Leaders {
				if f.Partition == c.rec.h.Produces[len(c.rec.h.Produces)-1].Partition {
					l = f
				}
			}
			w.past = append(w.past, FaultSpan{Kind: "slow", Node: brokerName(kafka.NodeID(l.Node)), From: w.Now(), To: env.Never})
		},
		"faults on most brokers": func(w *World, c *cluster) {
			for _, name := range c.brokers[:len(c.brokers)/2+1] {
				w.past = append(w.past, FaultSpan{Kind: "freeze", Node: name, From: w.Now(), To: env.Never})
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, c, produce := pausing(t)
			produce(5*time.Second, true)
			strike(w, c)
			step := time.Second
			if name == "few tries" {
				step = quorumPause + time.Second
			}
			for at := 6 * time.Second; at <= 8*time.Second+quorumPause; at += step {
				produce(at, false)
			}
			require.Empty(t, c.pauses.found)
		})
	}
}

// The graph may be taken at any moment of a run: nothing of it shows in the trace.
func TestExplainingDoesNotChangeTheRun(t *testing.T) {
	run := func(explain bool) (hash, events uint64, vertices int) {
		plan, err := NewPlan("mix", 3)
		require.NoError(t, err)
		w, err := NewWorld(plan, newCluster(plan), Options{})
		require.NoError(t, err)
		defer w.Close()
		for at := env.Instant(0); at < env.Instant(plan.Duration); at = at.Add(100 * time.Millisecond) {
			require.True(t, w.advance(at))
			if explain && at >= env.Instant(time.Second) { // all nodes have been started
				s := w.stallOf("anything", "", append(w.overdue(), timersOf(w.nodes[0])...))
				vertices = max(vertices, s.Vertices)
				_ = s.String()
			}
		}
		w.hashStates()
		return w.trace.Sum(), w.sched.Ran(), vertices
	}
	hash, events, _ := run(false)
	explained, sameEvents, vertices := run(true)
	require.Equal(t, hash, explained)
	require.Equal(t, events, sameEvents)
	require.Greater(t, vertices, 50, "there was something to explain")
}

// Without bugs, whatever a request waits for is listed, down to a fault, something
// under way, or a deadline: a place where the broker waits and says nothing shows
// here as a lost wake-up.
func TestWhatRequestsWaitForIsListed(t *testing.T) {
	const old = 700 * time.Millisecond
	explained := 0
	for i, scenario := range []string{"mix", "partition", "freeze", "crash", "mix", "partition", "freeze", "crash"} {
		plan, err := NewPlan(scenario, uint64(i+2)/4+4)
		require.NoError(t, err)
		c := newCluster(plan).(*cluster)
		w, err := NewWorld(plan, c, Options{})
		require.NoError(t, err)
		for at := env.Instant(time.Second); at < env.Instant(plan.Duration); at = at.Add(50 * time.Millisecond) {
			require.True(t, w.advance(at))
			var overdue []Overdue
			for i := range c.rec.h.Requests {
				r := &c.rec.h.Requests[i]
				if r.Return == checker.Never && r.Name != "Fetch" && time.Duration(at)-r.Call.At > old {
					overdue = append(overdue, c.requestOverdue(r)...)
				}
			}
			if len(overdue) == 0 {
				continue
			}
			s := w.stallOf("requests end", "", overdue)
			for _, chain := range s.Chains {
				require.NotContains(t, []string{"cycle", "lost wake-up", "unknown"}, chain.End, "%s seed %d\n%s", plan.Scenario, plan.Seed, s)
			}
			explained += s.Overdue
		}
		w.Close()
	}
	require.Greater(t, explained, 100)
}
