package drive

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/event"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/diskfs"
	"example.com/lockstep/netsim"
)

// Config says what a node runs on.
type Config struct {
	Loops   int // the control loop and the shards
	Network netsim.Network
	// Disk opens the disk of one loop.
	Disk func(diskfs.Sink) (diskfs.Disk, error)
	// MailboxRequests bounds the requests that wait in a loop's mailbox.
	MailboxRequests int
	// TurnEvents bounds the events of one turn: limits.Limits.TurnEvents.
	TurnEvents int
	// TurnWarn and TurnFatal are the watchdog's two bounds on one turn.
	TurnWarn, TurnFatal time.Duration
	// Log takes the events of the loops, of the driver and of its watchdog.
	Log *Log
	// Exit ends the process; it is called after a stuck turn was reported.
	Exit func(code int)
}

// Node is a running node.
type Node struct {
	cfg      Config
	runners  []*runner
	stop     chan struct{}
	stopOnce sync.Once
	err      error // why it stopped; set before stop is closed
	done     sync.WaitGroup

	asked   sync.Mutex // held by Ask: one question at a time
	answers chan any
}

// Start builds the loops on their hosts and runs them.
func Start(cfg Config, build func(hosts []loop.Host) []loop.Loop) (*Node, error) {
	n := &Node{cfg: cfg, stop: make(chan struct{}), answers: make(chan any, 16)}
	hosts := make([]loop.Host, cfg.Loops)
	for i := range hosts {
		r := &runner{node: n, id: loop.ID(i), box: newMailbox(cfg.MailboxRequests, cfg.TurnEvents),
			log: cfg.Log.of(loop.ID(i))}
		disk, err := cfg.Disk(func(c diskfs.Completion) {
			r.box.put(loop.Event{Kind: loop.Disk, Disk: c})
		})
		if err != nil {
			return nil, fmt.Errorf("drive: open disk of loop %d: %w", i, err)
		}
		r.disk = disk
		n.runners = append(n.runners, r)
		hosts[i] = r
	}
	for i, l := range build(hosts) {
		n.runners[i].loop = l
	}
	for _, r := range n.runners {
		n.done.Add(1)
		go r.run()
	}
	go n.watch()
	return n, nil
}

// Wait blocks until the node has stopped, and returns why; nil after Stop(nil).
func (n *Node) Wait() error {
	<-n.stop
	n.done.Wait()
	return n.err
}

// Stop ends the node; the first reason counts.
func (n *Node) Stop(err error) {
	n.stopOnce.Do(func() {
		n.err = err
		close(n.stop)
	})
}

// ErrNoAnswer is what Ask returns when a loop does not answer in time.
var ErrNoAnswer = errors.New("drive: loop did not answer in time")

// Ask mails a question to a loop, from the outside, and waits for the answer.
func (n *Node) Ask(to loop.ID, question any, timeout time.Duration) (any, error) {
	n.asked.Lock()
	defer n.asked.Unlock()
	for len(n.answers) > 0 {
		<-n.answers // to an earlier question that was given up
	}
	n.runners[to].box.put(loop.Event{Kind: loop.Mail, From: loop.Outside, Mail: question})
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case answer := <-n.answers:
		return answer, nil
	case <-n.stop:
		return nil, fmt.Errorf("drive: node stopped: %w", errors.Join(n.err, ErrNoAnswer))
	case <-timer.C:
		return nil, ErrNoAnswer
	}
}

// Depths returns the number of events that wait in each loop's mailbox, for metrics.
func (n *Node) Depths() []int {
	depths := make([]int, len(n.runners))
	for i, r := range n.runners {
		depths[i] = r.box.depth()
	}
	return depths
}

// Turns returns the number of turns of each loop, for metrics.
func (n *Node) Turns() []uint64 {
	turns := make([]uint64, len(n.runners))
	for i, r := range n.runners {
		turns[i] = r.turns.Load()
	}
	return turns
}

// Longest returns the loop that has been in its present turn for the longest time, and for how
// long; 0 if no loop is in a turn.
func (n *Node) Longest() (id loop.ID, busy time.Duration) {
	now := BootTime()
	for _, r := range n.runners {
		if since := r.busySince.Load(); since != 0 && now.Sub(env.Instant(since)) > busy {
			id, busy = r.id, now.Sub(env.Instant(since))
		}
	}
	return id, busy
}

// runner hosts one loop on one goroutine.
type runner struct {
	node *Node
	id   loop.ID
	loop loop.Loop
	box  *mailbox
	disk diskfs.Disk
	log  *loopLog

	turns atomic.Uint64
	// busySince is when the present turn began, in ns of the boot clock; 0 while the loop
	// sleeps. present is the event that the turn is at. Both are for the watchdog.
	busySince atomic.Int64
	present   present
}

// eventsPerClock is how many events of one turn may share one reading of the clock.
const eventsPerClock = 16

// run runs the loop until the node stops.
func (r *runner) run() {
	defer r.node.done.Done()
	defer r.log.end()
	defer r.crashed()
	timer := time.NewTimer(time.Hour)
	timer.Stop()
	r.busySince.Store(int64(BootTime()))
	r.loop.Start(now())
	r.loop.EndTurn(now())
	var events []mailed
	for {
		r.busySince.Store(0)
		clear(events)
		events = r.box.take(events, r.untilTimer(), timer, r.node.stop)
		select {
		case <-r.node.stop:
			return
		default:
		}
		at := now()
		r.busySince.Store(int64(at.Mono))
		for i := range events {
			if i%eventsPerClock == eventsPerClock-1 {
				at = now()
			}
			if r.takesQuestion(&events[i].Event, at) {
				continue
			}
			r.present.set(&events[i].Event)
			r.loop.Step(at, &events[i].Event)
		}
		r.present.clear()
		r.loop.EndTurn(now())
		r.log.endTurn()
		r.turns.Add(1)
	}
}

// untilTimer is how long the loop may sleep; negative if it has no timer.
func (r *runner) untilTimer() time.Duration {
	next := r.loop.NextTimer()
	if next == env.Never {
		return -1
	}
	return max(0, next.Sub(BootTime()))
}

// crashed turns a panic of a loop into a stop of the node. A failed assertion means that the
// state cannot be trusted any more.
func (r *runner) crashed() {
	if p := recover(); p != nil {
		r.node.cfg.Log.Explained(event.New(event.LoopFailed, event.Int("loop", r.id),
			event.Text("error", fmt.Sprint(p))), string(debug.Stack()))
		r.node.Stop(fmt.Errorf("drive: loop %d: %v", r.id, p))
	}
}

func (r *runner) Disk() diskfs.Disk       { return r.disk }
func (r *runner) Network() netsim.Network { return r.node.cfg.Network }

func (r *runner) Sink(id loop.ID) netsim.Sink {
	box := r.node.runners[id].box
	return func(ev netsim.Event) { box.put(loop.Event{Kind: loop.Net, Net: ev}) }
}

// Entropy seeds the named stream from the operating system.
func (r *runner) Entropy(subsystem, purpose string) *env.Rand {
	var seed [8]byte
	if _, err := rand.Read(seed[:]); err != nil {
		panic(fmt.Sprintf("drive: no entropy: %v", err))
	}
	return env.NewRand(env.Key(binary.BigEndian.Uint64(seed[:]), subsystem, purpose))
}

func (r *runner) TrySend(to loop.ID, m any) bool {
	return r.node.runners[to].box.trySend(loop.Event{Kind: loop.Mail, From: r.id, Mail: m})
}

func (r *runner) Reply(to loop.ID, m any) {
	if to == loop.Outside {
		select {
		case r.node.answers <- m:
		default: // more answers than questions
		}
		return
	}
	r.node.runners[to].box.put(loop.Event{Kind: loop.Mail, From: r.id, Mail: m})
}

func (r *runner) Log(e event.Event) { r.log.take(e) }

// LogLevel implements loop.Host.
func (r *runner) LogLevel(least event.Level) { r.log.log.SetLevel(least) }

func (r *runner) Stop(err error) { r.node.Stop(err) }

// now reads the time that loops get.
func now() env.Time {
	return env.Time{Mono: BootTime(), WallMs: time.Now().UnixMilli()}
}

// BootTime reads CLOCK_BOOTTIME, which goes on while the machine sleeps: a lease must end while a
// laptop or a virtual machine is suspended.
func BootTime() env.Instant {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		panic(fmt.Sprintf("drive: no boot clock: %v", err))
	}
	return env.Instant(ts.Nano())
}
