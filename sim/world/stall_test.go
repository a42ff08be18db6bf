package world

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/broker/wait"
	"example.com/lockstep/sim/plan"
)

// listing is a subject with loops that only list the waits that a test gives.
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
func (s *listing) PeerName(on *wait.Target) string       { return "n" + string('0'+rune(on.Node)) }
func (s *listing) Tell(*Node) string                     { return "" }

func waitFor(op, what string, on wait.Target) wait.Wait {
	return wait.Wait{Who: op, Since: wait.Unknown, Until: env.Never, For: what, On: on}
}

// stallOfWorld explains, after two seconds, why the first operation of n1's control loop has not
// ended.
func stallOfWorld(t *testing.T, waits map[string][]wait.Wait, faults ...plan.Fault) *Stall {
	plan := &plan.Plan{
		Version: plan.Version, Scenario: "listing", Duration: plan.Duration(10 * time.Second),
		Liveness: 1, MaxEvents: 1000,
		Nodes: []plan.NodeSpec{{Name: "n1", Shards: 1}, {Name: "n2", Shards: 1},
			{Name: "n3", Shards: 1}},
		Limits: plan.DrawLimits(env.NewRand(1, 2)), Faults: faults,
	}
	w, err := New(plan, &listing{waits}, Options{})
	require.NoError(t, err)
	defer w.Close()
	require.True(t, w.Advance(env.Instant(2*time.Second)))
	return w.StallOf("it ends", "", []Overdue{{At: []StallPlace{{Node: "n1",
		Op: waits["n1/0"][0].Who}}}})
}

func TestAStallNamesWhatHoldsTheOperation(t *testing.T) {
	at := plan.Duration(time.Second)
	for _, c := range []struct {
		name   string
		waits  map[string][]wait.Wait
		faults []plan.Fault
		end    string
		last   string // step
	}{
		{
			"a peer that a fault has ended",
			map[string][]wait.Wait{"n1/0": {waitFor("op 1", "an ack", wait.OfPeer(2, "op"))}},
			[]plan.Fault{{At: at, Kind: "kill", Target: "n2"}}, "fault",
			"fault 1 kill n2 (since 1s): until the healing",
		},
		{
			"a peer that is frozen",
			map[string][]wait.Wait{"n1/0": {waitFor("op 1", "an ack", wait.OfPeer(2, "op"))}},
			[]plan.Fault{{At: at, Kind: "freeze", Target: "n2",
				For: plan.Duration(9 * time.Second)}}, "fault",
			"fault 1 freeze n2 (since 1s): until 10s",
		},
		{
			"a loop of a peer that stands still may hold it",
			map[string][]wait.Wait{"n1/0": {waitFor("op 1", "an ack", wait.OfPeer(2, "op"))}},
			[]plan.Fault{{At: at, Kind: "freeze-loop", Target: "n2/1"}}, "fault",
			"fault 1 freeze-loop n2/1 (since 1s): until the healing",
		},
		{
			"a link on which nothing comes back",
			map[string][]wait.Wait{"n1/0": {waitFor("op 1", "an ack", wait.OfPeer(2, "op"))}},
			[]plan.Fault{{At: at, Kind: "cut", Target: "n3>n1"},
				{At: at, Kind: "stall-link", Target: "n2>n1"}},
			"fault", "fault 2 stall-link n2>n1 (since 1s): until the healing",
		},
		{
			"a peer that was started again",
			map[string][]wait.Wait{"n1/0": {{Who: "op 1", Since: 0, Until: env.Never, For: "an ack",
				On: wait.OfPeer(2, "op")}}},
			[]plan.Fault{{At: at, Kind: "kill", Target: "n2", For: at / 2}},
			"lost wake-up",
			"n2 op: incarnation 1 ended (killed) at 1s by fault 1 kill n2; incarnation 2, from " +
				"1.5s on, knows nothing of it",
		},
		{
			"a peer that has it and waits for a third",
			map[string][]wait.Wait{
				"n1/0": {waitFor("op 1", "an ack", wait.OfPeer(2, "op"))},
				"n2/1": {waitFor("op", "its log", wait.Of("log")),
					waitFor("log", "a vote", wait.OfPeer(3, "vote"))},
			}, nil, "lost wake-up", "n3 vote: the node runs, and nothing of that name is pending " +
				"there",
		},
		{
			"two loops without room for each other's mail",
			map[string][]wait.Wait{
				"n1/0": {waitFor("op 1", "loop 1", wait.OfLoop(1, "call")),
					waitFor(wait.Self, "room", wait.OfMailbox(1))},
				"n1/1": {waitFor(wait.Self, "room", wait.OfMailbox(0)),
					waitFor("call", "nothing", wait.Of("nothing"))},
			}, nil, "cycle", "n1/1 (the last turn was at 0s) waits for room, and so for n1/0 again",
		},
		{
			"a loop that waits as a whole goes on with what it waits for",
			map[string][]wait.Wait{"n1/0": {
				waitFor("op 1", "the disk", wait.Of("records")),
				waitFor("records", "the log", wait.Of("log")),
				waitFor("log", "a vote", wait.OfPeer(2, "vote")),
				waitFor(wait.Self, "its records", wait.Of("records")),
			}}, nil, "lost wake-up", "n2 vote: the node runs, and nothing of that name is " +
				"pending there",
		},
		{
			"another loop that has nothing of it",
			map[string][]wait.Wait{"n1/0": {waitFor("op 1", "an answer", wait.OfLoop(1, "call"))}},
			nil, "lost wake-up", "n1/1 call: the loop runs, and has nothing of that name pending",
		},
		{
			"a timer that is not set",
			map[string][]wait.Wait{"n1/0": {waitFor("op 1", "its time", wait.OfTimer(1))}},
			nil, "lost wake-up", "n1/0 timer: due at 0s, and the loop has no timer before the " +
				"end of time",
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
