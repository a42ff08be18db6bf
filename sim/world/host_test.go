package world

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/assert"
	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/diskfs"
	"example.com/lockstep/sim/plan"
	"example.com/lockstep/sim/property"
)

// scriptLoop is a loop with functions that a test gives.
type scriptLoop struct {
	host    loop.Host
	onStart func(l *scriptLoop, now env.Time)
	onEvent func(l *scriptLoop, now env.Time, ev *loop.Event)
	onTurn  func(l *scriptLoop, now env.Time)
	next    env.Instant
	turns   []env.Time
	mails   []any
}

func (l *scriptLoop) Start(now env.Time) {
	l.next = env.Never
	if l.onStart != nil {
		l.onStart(l, now)
	}
}

func (l *scriptLoop) Step(now env.Time, ev *loop.Event) {
	if ev.Kind == loop.Mail {
		l.mails = append(l.mails, ev.Mail)
	}
	if l.onEvent != nil {
		l.onEvent(l, now, ev)
	}
}

func (l *scriptLoop) EndTurn(now env.Time) {
	l.turns = append(l.turns, now)
	if l.next <= now.Mono {
		l.next = env.Never
	}
	if l.onTurn != nil {
		l.onTurn(l, now)
	}
}

func (l *scriptLoop) NextTimer() env.Instant { return l.next }

// scriptSubject builds script loops; configure sets them up for each incarnation.
type scriptSubject struct {
	configure func(i Incarnation, id int, l *scriptLoop)
	pending   []string
}

func (s *scriptSubject) Factory(string) NodeFactory {
	return func(i Incarnation) []loop.Loop {
		var loops []loop.Loop
		for id, host := range i.Hosts {
			l := &scriptLoop{host: host}
			s.configure(i, id, l)
			loops = append(loops, l)
		}
		return loops
	}
}
func (s *scriptSubject) Healed(*World)                         {}
func (s *scriptSubject) Pending(*World) []string               { return s.pending }
func (s *scriptSubject) Check(*World)                          {}
func (s *scriptSubject) Resolve(*World, string) (string, bool) { return "n1", true }

func scriptWorld(t *testing.T, change func(*plan.Plan),
	configure func(i Incarnation, id int, l *scriptLoop)) *World {
	plan := &plan.Plan{
		Version: plan.Version, Scenario: "script", Seed: 1,
		Duration: plan.Duration(time.Second), Liveness: plan.Duration(time.Second),
		MaxEvents: 1_000_000,
		Nodes:     []plan.NodeSpec{{Name: "n1", Shards: 1}},
		Limits: plan.Limits{
			Mailbox: 4, TurnEvents: 64, TurnCost: plan.Range{Low: 1000, High: 50_000},
			EventCost: 100, WakeUp: 500,
			MailDelay: plan.Range{Low: 200, High: 300_000},
		},
	}
	if change != nil {
		change(plan)
	}
	w, err := New(plan, &scriptSubject{configure: configure}, Options{})
	require.NoError(t, err)
	t.Cleanup(w.Close)
	return w
}

func script(w *World, node string, id int) *scriptLoop {
	return w.Node(node).Loops()[id].(*scriptLoop)
}

func ms(n int64) env.Instant { return env.Instant(n * int64(time.Millisecond)) }

func TestMailArrivesInOrderAndWithinItsBound(t *testing.T) {
	const count = 50
	refused, next := 0, 0
	w := scriptWorld(t, nil, func(_ Incarnation, id int, l *scriptLoop) {
		if id != 0 {
			return
		}
		l.onStart = func(l *scriptLoop, now env.Time) { l.next = now.Mono.Add(1) }
		l.onTurn = func(l *scriptLoop, now env.Time) {
			for next < count && l.host.TrySend(1, next) {
				next++
			}
			if next < count {
				refused++
				l.next = now.Mono.Add(10 * time.Microsecond)
			}
		}
	})
	require.Equal(t, Pass, w.Run().Verdict)
	got := script(w, "n1", 1).mails
	require.Len(t, got, count)
	require.True(t, slices.IsSortedFunc(got, func(a, b any) int { return a.(int) - b.(int) }))
	require.Positive(t, refused)
	require.LessOrEqual(t, w.Node("n1").loops[1].inbox.peak, 4)
}

func TestRepliesAreNotRefusedAtTheBoundOfRequests(t *testing.T) {
	w := scriptWorld(t, nil, func(_ Incarnation, id int, l *scriptLoop) {
		if id == 0 {
			l.onStart = func(l *scriptLoop, _ env.Time) {
				for i := range 4 {
					require.True(t, l.host.TrySend(1, i))
				}
				require.False(t, l.host.TrySend(1, 4))
				l.host.Reply(1, 5)
			}
		}
	})
	require.Equal(t, Pass, w.Run().Verdict)
	require.Equal(t, []any{0, 1, 2, 3, 5}, script(w, "n1", 1).mails)
}

func TestTimersAreNeverEarlyAndFollowTheNodesClock(t *testing.T) {
	for _, ppm := range []int64{-50_000, 0, 50_000} {
		var due []env.Instant
		w := scriptWorld(t, func(p *plan.Plan) {
			p.Nodes[0].DriftPpm = ppm
			p.Faults = []plan.Fault{{At: plan.Duration(ms(300)), Kind: "clock-drift", Target: "n1",
				Amount: -200_000, For: plan.Duration(ms(200))}}
		}, func(_ Incarnation, id int, l *scriptLoop) {
			if id != 0 {
				return
			}
			set := func(l *scriptLoop, now env.Time) {
				l.next = now.Mono.Add(10 * time.Millisecond)
				due = append(due, l.next)
			}
			l.onStart, l.onTurn = set, set
		})
		require.Equal(t, Pass, w.Run().Verdict)
		w.Close()
		turns := script(w, "n1", 0).turns
		require.InDelta(t, 100, len(turns), 12)
		for i, turn := range turns {
			require.GreaterOrEqual(t, turn.Mono, due[i])
			require.Less(t, turn.Mono, due[i]+1000, "a timer wakes an idle loop at once")
		}
	}
}

func TestAFrozenNodeTakesNoTurnsAndLosesNothing(t *testing.T) {
	var freeze, thaw env.Instant = ms(200), ms(700)
	w := scriptWorld(t, func(p *plan.Plan) {
		p.Faults = []plan.Fault{{At: plan.Duration(freeze), For: plan.Duration(thaw - freeze),
			Kind: "freeze", Target: "@anyone"}}
	}, ticking)
	require.Equal(t, Pass, w.Run().Verdict)
	n := w.Node("n1")
	for id := range 2 {
		turns := script(w, "n1", id).turns
		require.Greater(t, len(turns), 30)
		for _, turn := range turns {
			at := n.clock.world(turn.Mono)
			require.False(t, at > freeze && at < thaw, "a turn at %s", time.Duration(at))
		}
	}
}

func TestAFrozenLoopLeavesTheOthersRunning(t *testing.T) {
	w := scriptWorld(t, func(p *plan.Plan) {
		p.Faults = []plan.Fault{{At: plan.Duration(ms(100)), For: plan.Duration(ms(800)),
			Kind: "freeze-loop", Target: "n1/1"}}
	}, ticking)
	require.Equal(t, Pass, w.Run().Verdict)
	require.Greater(t, len(script(w, "n1", 0).turns), 90)
	require.Less(t, len(script(w, "n1", 1).turns), 40)
}

// ticking makes every loop take a turn each 10 ms.
func ticking(_ Incarnation, _ int, l *scriptLoop) {
	l.onStart = func(l *scriptLoop, now env.Time) { l.next = now.Mono.Add(10 * time.Millisecond) }
	l.onTurn = l.onStart
}

func TestHeldCompletionsComeLaterAndInOrder(t *testing.T) {
	var done []env.Instant
	var tokens []uint64
	w := scriptWorld(t, func(p *plan.Plan) {
		p.Faults = []plan.Fault{{At: 0, For: plan.Duration(ms(400)), Kind: "hold-completions",
			Target: "n1/1"}}
		p.Nodes[0].StartAt = 0
	}, func(i Incarnation, id int, l *scriptLoop) {
		if id != 1 {
			return
		}
		l.onStart = func(l *scriptLoop, _ env.Time) {
			for token := range uint64(3) {
				l.host.Disk().Submit(diskfs.Op{Kind: diskfs.Mkdir, Owner: 7, Token: token + 100,
					Path: string(rune('a' + token))})
			}
		}
		l.onEvent = func(_ *scriptLoop, _ env.Time, ev *loop.Event) {
			require.NoError(t, ev.Disk.Err)
			require.Equal(t, uint32(7), ev.Disk.Owner)
			done = append(done, i.World.Now())
			tokens = append(tokens, ev.Disk.Token)
		}
	})
	require.Equal(t, Pass, w.Run().Verdict)
	require.Len(t, done, 3)
	require.GreaterOrEqual(t, done[0], ms(400))
	slices.Sort(tokens)
	require.Equal(t, []uint64{100, 101, 102}, tokens, "the loop's own tokens come back")
}

func TestNothingTakesEffectAfterStop(t *testing.T) {
	w := scriptWorld(t, func(p *plan.Plan) {
		p.Expect.Stops = []string{"n1"}
		p.RestartAfterStop = plan.Duration(ms(100))
	}, func(i Incarnation, id int, l *scriptLoop) {
		if id != 0 || i.Number > 1 {
			return
		}
		ticking(i, id, l)
		l.onTurn = func(l *scriptLoop, _ env.Time) {
			l.host.Stop(errors.New("a reason"))
			l.host.Stop(errors.New("another"))
			l.host.TrySend(1, "lost")
			l.host.Reply(1, "lost")
			l.host.Disk().Submit(diskfs.Op{Kind: diskfs.Mkdir, Path: "lost"})
			l.host.Network().Dial("n1:1", l.host.Sink(0)).Send([]byte("lost"))
		}
	})
	r := w.Run()
	require.Equal(t, Pass, r.Verdict, "%s", r.Report())
	require.Equal(t, []StopRecord{{At: r.Stops[0].At, Node: "n1", Incarnation: 1,
		Reason: "a reason"}}, r.Stops)
	require.Equal(t, int32(2), w.Node("n1").Incarnation())
	require.Empty(t, script(w, "n1", 1).mails)
	require.Empty(t, w.Node("n1").FS().Snapshot(0))
}

func TestAssertionsFailTheRunWithTheirStack(t *testing.T) {
	w := scriptWorld(t, nil, func(i Incarnation, id int, l *scriptLoop) {
		if id == 1 {
			ticking(i, id, l)
			l.onTurn = func(*scriptLoop, env.Time) { assert.That(false, "the log is %s", "torn") }
		}
	})
	r := w.Run()
	require.Equal(t, Fail, r.Verdict)
	require.Equal(t, property.AssertionsHold, r.Failures[0].Property)
	require.Equal(t, "n1 loop 1", r.Failures[0].Where)
	require.Contains(t, r.Failures[0].Detail, "the log is torn")
	require.Contains(t, r.Failures[0].Stack, "host_test.go")
}

type mutableMail struct{ v byte }

func (m *mutableMail) AppendTrace(b []byte) []byte { return append(b, m.v) }

func TestMailThatChangesAfterSendingFailsTheRun(t *testing.T) {
	w := scriptWorld(t, nil, func(_ Incarnation, id int, l *scriptLoop) {
		if id == 0 {
			l.onStart = func(l *scriptLoop, _ env.Time) {
				m := &mutableMail{1}
				l.host.TrySend(1, m)
				m.v++
			}
		}
	})
	r := w.Run()
	require.Equal(t, Fail, r.Verdict)
	require.Equal(t, property.MailImmutable, r.Failures[0].Property)
}

func TestAStallReportNamesWhatIsPending(t *testing.T) {
	w := scriptWorld(t, nil, ticking)
	w.subject.(*scriptSubject).pending = []string{"client 1 for the answer to 7"}
	r := w.Run()
	require.Equal(t, Fail, r.Verdict)
	require.Equal(t, plan.Duration(2*time.Second), r.Virtual)
	require.Contains(t, r.Failures[0].Detail, "client 1 for the answer to 7")
	require.NotNil(t, r.Stall)
	require.Equal(t, r.Failures[0].Property, r.Stall.Property)
	require.Contains(t, r.Stall.String(), "client 1 for the answer to 7")
}

func TestARunThatSpinsEndsAtItsBoundOfEvents(t *testing.T) {
	w := scriptWorld(t, func(p *plan.Plan) { p.MaxEvents = 5000 },
		func(_ Incarnation, _ int, l *scriptLoop) {
			l.onStart = func(l *scriptLoop, now env.Time) { l.next = now.Mono }
			l.onTurn = l.onStart
		})
	r := w.Run()
	require.Equal(t, Fail, r.Verdict)
	require.Equal(t, uint64(5000), r.Events)
	require.Equal(t, property.EventBound, r.Failures[0].Property)
}

func TestEachIncarnationHasItsOwnStreamsAndABootItsOwnClock(t *testing.T) {
	var draws []uint64
	var starts []env.Instant
	run := func(kind string) {
		draws, starts = nil, nil
		w := scriptWorld(t, func(p *plan.Plan) {
			p.Faults = []plan.Fault{{At: plan.Duration(ms(100)), For: plan.Duration(ms(100)),
				Kind: kind, Target: "n1"}}
		}, func(_ Incarnation, id int, l *scriptLoop) {
			draws = append(draws, l.host.Entropy("a", "b").Uint64())
			l.onStart = func(_ *scriptLoop, now env.Time) { starts = append(starts, now.Mono) }
		})
		require.Equal(t, Pass, w.Run().Verdict)
		w.Close()
		require.Len(t, draws, 4)
		slices.Sort(draws)
		require.Len(t, slices.Compact(draws), 4)
	}
	run("kill")
	require.Equal(t, ms(200), starts[2]-starts[0], "the machine's clock went on")
	run("power-off")
	require.NotEqual(t, ms(200), starts[2]-starts[0])
}

func TestAFaultWithoutATargetFailsTheRun(t *testing.T) {
	for _, target := range []string{"n9", "n1/x", "n1/5"} {
		w := scriptWorld(t, func(p *plan.Plan) {
			p.Faults = []plan.Fault{{Kind: "freeze-loop", Target: target}}
		}, ticking)
		r := w.Run()
		w.Close()
		require.Equal(t, Fail, r.Verdict, target)
		require.Equal(t, property.FaultsHaveTargets, r.Failures[0].Property)
	}
}
