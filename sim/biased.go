package sim

import (
	"strconv"
	"time"

	"lockstep/broker/env"
)

// biasedScenarios are broker worlds that are drawn towards one kind of trouble
// each. They show planted bugs (package broker/mutant) in few seeds, and hold for
// the broker without them as every scenario does.
var biasedScenarios = []Scenario{
	{Name: "brisk", About: "fast disks and links, light load, and nothing goes wrong", Draw: drawBrisk, New: newCluster},
	{Name: "quick-restart", About: "leaders die under load and are back before their sessions end", Draw: drawQuickRestart, New: newCluster},
	{Name: "rot", About: "sectors of a shard's log rot while its node is down", Draw: drawRot, New: newCluster},
	{Name: "lone-link", About: "only the link between a leader and one follower is cut", Draw: drawLoneLink, New: newCluster},
	{Name: "deposed", About: "a leader is cut off from the controller, not from clients and followers", Draw: drawDeposed, New: newCluster},
	{Name: "late-metadata", About: "control loops stand still while leaders change", Draw: drawLateMetadata, New: newCluster},
	{Name: "lost-answers", About: "the controller dies while other nodes register", Draw: drawLostAnswers, New: newCluster},
	{Name: "long-stall", About: "a disk stalls for long, and the process runs", Draw: drawLongStall, New: newCluster},
	{Name: "wedged", About: "one shard of a leader stands still, its control loop runs", Draw: drawWedged, New: newCluster},
	{Name: "forwarding", About: "links between brokers fail, those to clients do not", Draw: drawForwarding, New: newCluster},
	{Name: "joining", About: "a slow follower comes back again and again, while the leader hears late of commits", Draw: drawJoining, New: newCluster},
	{Name: "reshard", About: "nodes restart with another number of shards, and die while their logs are converted", Draw: drawReshard, New: newCluster},
}

const (
	msec = Duration(time.Millisecond)
	sec  = Duration(time.Second)
)

// drawCalm draws a cluster whose hosts and limits are roomy, so that what its
// scenario is about is not drowned.
func drawCalm(r *env.Rand, brokers int, duration time.Duration) Plan {
	p := drawCluster(r, brokers, duration)
	p.Limits.Mailbox, p.Limits.TurnEvents = 1024, 64
	p.Limits.HiccupEvery, p.Limits.Hiccup = 0, 0
	p.Disk.Spike, p.Disk.SpikeOneIn = 0, 0
	p.Workload.Options["tight"] = 0
	return p
}

// faulty completes a plan to which faults were added by hand.
func faulty(r *env.Rand, p Plan) Plan {
	p.Expect.Stops = StoppedBy(p.Faults)
	p.RestartAfterStop = Duration(r.Between(10, 3000)) * msec
	p.Workload.Options["min_acks"] = 0
	return p
}

func fault(at Duration, kind, target string, length Duration) Fault {
	return Fault{At: at, Kind: kind, Target: target, For: length}
}

// upTo draws a duration.
func upTo(r *env.Rand, low, high Duration) Duration {
	return Duration(r.Between(int64(low), int64(high))).Round()
}

// brokerOf draws a broker.
func brokerOf(r *env.Rand, brokers int) string { return "b" + strconv.Itoa(1+r.IntN(brokers)) }

// others draws n different brokers in random order.
func others(r *env.Rand, brokers, n int) []string {
	var names []string
	for len(names) < n {
		name := brokerOf(r, brokers)
		fresh := true
		for _, old := range names {
			fresh = fresh && old != name
		}
		if fresh {
			names = append(names, name)
		}
	}
	return names
}

func drawBrisk(_ uint64, r *env.Rand) Plan {
	p := drawCalm(r, 3, 6*time.Second)
	us := Duration(time.Microsecond)
	p.Network.Latency, p.Network.Jitter = 50*us, 50*us
	p.Disk.Sync, p.Disk.SyncJitter = 100*us, 100*us
	p.Limits.WakeUp, p.Limits.MailDelay, p.Limits.TurnCost = 2*us, Range{us, 20 * us}, Range{us, 5 * us}
	p.Workload.Every = 30 * msec
	return p
}

func drawQuickRestart(_ uint64, r *env.Rand) Plan {
	p := drawCalm(r, 1+2*r.IntN(2), 16*time.Second)
	p.Workload.Every = Duration(r.Between(2, 10)) * msec
	for at := 4 * sec; at < 13*sec; at += upTo(r, 1200*msec, 2500*msec) {
		kind := "power-off"
		if r.Chance(1, 4) {
			kind = "kill"
		}
		p.Faults = append(p.Faults, fault(at, kind, "@leader", upTo(r, 20*msec, 900*msec)))
	}
	return faulty(r, p)
}

func drawRot(_ uint64, r *env.Rand) Plan {
	const brokers = 3
	p := drawCalm(r, brokers, 16*time.Second)
	for i := range brokers {
		p.Nodes[i].Shards = 1
	}
	node := brokerOf(r, brokers) // one only: damage everywhere would leave no replica that may lead
	o := p.Workload.Options
	o["wal_segment_bytes"], o["log_segment_bytes"] = 1<<20, 0 // the log holds all of it
	// Nothing is written when the node dies: a group that no mark covers yet can't
	// be told from a torn one (PROTOCOL 8).
	o["slow_from_ms"], o["slow_until_ms"] = 6000, 9800
	p.Faults = append(p.Faults, fault(8*sec, "kill", node, 1500*msec))
	for range 1 + r.IntN(3) {
		f := fault(8*sec+upTo(r, 200*msec, 1200*msec), "bit-rot", node, 0)
		f.Amount, f.Path = r.Between(1, 64), "shard-1/"
		p.Faults = append(p.Faults, f)
	}
	return faulty(r, p)
}

// ackPause is how long acknowledgements may pause where one fault is at work: a
// session, an election, and the clients' own time-outs.
const ackPause = int64(8 * time.Second / time.Millisecond)

func drawLoneLink(_ uint64, r *env.Rand) Plan {
	p := drawCalm(r, 4+r.IntN(2), 28*time.Second)
	p.Faults = append(p.Faults, fault(6*sec, "cut", "@leader-with-follower", 20*sec))
	p.Workload.Options["ack_pause_ms"] = ackPause
	return faulty(r, p)
}

func drawDeposed(_ uint64, r *env.Rand) Plan {
	brokers := 4 + r.IntN(2)
	p := drawCalm(r, brokers, 26*time.Second)
	p.Workload.Options["min_isr"] = 1
	for at := 5 * sec; at < 20*sec; at += 9 * sec {
		begin, length := at+upTo(r, 0, sec), upTo(r, 5*sec, 8*sec)
		targets := []string{"@leader-with-controller"}
		switch r.IntN(3) {
		case 0:
			targets[0] = "@controller>leader"
		case 1: // from all other brokers: only clients reach it
			for i := range brokers {
				targets = append(targets, "@leader-with-b"+strconv.Itoa(i+1))
			}
		}
		for _, target := range targets {
			p.Faults = append(p.Faults, fault(begin, "cut", target, length))
		}
	}
	return faulty(r, p)
}

func drawLateMetadata(_ uint64, r *env.Rand) Plan {
	const brokers = 3
	p := drawCalm(r, brokers, 24*time.Second)
	p.Workload.Options["partitions"], p.Workload.Options["min_isr"] = 3, 1+int64(r.IntN(2))
	p.Workload.Every = Duration(r.Between(2, 10)) * msec
	for i := range brokers {
		p.Nodes[i].Shards = 1 + r.IntN(2)
	}
	for at := 4 * sec; at < 19*sec; at += 5 * sec {
		n := others(r, brokers, 3)
		leader, second, late := n[0], n[1], n[2]
		dies := at + upTo(r, 300*msec, 900*msec)
		p.Faults = append(p.Faults,
			fault(at, "freeze-loop", late+"/0", upTo(r, 2*sec, 4*sec)),
			fault(dies-upTo(r, 20*msec, 250*msec), "stall-link", leader+">"+second, 600*msec),
			fault(dies, "kill", leader, upTo(r, 50*msec, 1500*msec)))
	}
	return faulty(r, p)
}

func drawLostAnswers(_ uint64, r *env.Rand) Plan {
	brokers := 3 + r.IntN(3)
	p := drawCalm(r, brokers, 32*time.Second)
	for at := 4 * sec; at < 29*sec; at += 4 * sec {
		node := brokerOf(r, brokers)
		back := at + 300*msec
		p.Faults = append(p.Faults, fault(at, "kill", node, 300*msec))
		for i := range brokers {
			if other := "b" + strconv.Itoa(i+1); other != node {
				slow := fault(at, "slow-link", node+"-"+other, 2500*msec)
				slow.Amount = r.Between(1, 40)
				p.Faults = append(p.Faults, slow)
			}
		}
		p.Faults = append(p.Faults, fault(back+upTo(r, 20*msec, 1200*msec), "kill", "@controller", upTo(r, 100*msec, 600*msec)))
	}
	return faulty(r, p)
}

func drawLongStall(_ uint64, r *env.Rand) Plan {
	p := drawCalm(r, 3, time.Minute)
	const begin = 6 * time.Second
	length := time.Duration(r.Between(1, 8)) * time.Minute
	p.Duration, p.MaxEvents = Duration(begin+length+6*time.Second), 200_000_000
	target := []string{"b1", "@leader", "@controller"}[r.IntN(3)]
	p.Faults = append(p.Faults, fault(Duration(begin), []string{"disk-stall", "sync-stall"}[r.IntN(2)], target, Duration(length)))
	o := p.Workload.Options
	o["slow_from_ms"], o["slow_until_ms"] = int64((begin+10*time.Second)/time.Millisecond), int64((begin+length)/time.Millisecond)
	o["slow_every_ms"] = 1000 + int64(length/time.Second)*2
	o["operator_ms"] = 1500
	return faulty(r, p)
}

func drawWedged(_ uint64, r *env.Rand) Plan {
	p := drawCalm(r, 3+r.IntN(3), 30*time.Second)
	kind := []string{"freeze-loop", "hold-completions"}[r.IntN(2)]
	p.Faults = append(p.Faults, fault(6*sec, kind, "@leader-loop", 22*sec))
	p.Workload.Options["ack_pause_ms"] = ackPause
	return faulty(r, p)
}

func drawForwarding(_ uint64, r *env.Rand) Plan {
	brokers := 4 + r.IntN(2)
	p := drawCalm(r, brokers, 24*time.Second)
	for at := 5 * sec; at < 18*sec; at += 6 * sec {
		n := others(r, brokers, 2)
		kind := []string{"cut", "stall-link"}[r.IntN(2)]
		p.Faults = append(p.Faults,
			fault(at, kind, n[0]+"-"+n[1], upTo(r, 4*sec, 10*sec)),
			fault(at+upTo(r, 0, 3*sec), kind, "@leader-with-"+brokerOf(r, brokers), upTo(r, 4*sec, 10*sec)))
	}
	return faulty(r, p)
}

func drawJoining(_ uint64, r *env.Rand) Plan {
	const brokers = 5
	p := drawCalm(r, brokers, 40*time.Second)
	p.Workload.Options["min_isr"], p.Workload.Options["topics"], p.Workload.Options["partitions"] = 1, 1, 1
	p.Workload.Every = Duration(r.Between(4, 20)) * msec
	slow := fault(4*sec, "disk-slow", "@follower", 0)
	slow.Amount = r.Between(5, 60)
	p.Faults = append(p.Faults, slow)
	for at := 6 * sec; at < 36*sec; at += 3 * sec {
		back := at + 1600*msec
		p.Faults = append(p.Faults,
			fault(at, "cut", "@leader-with-follower", 1600*msec),
			fault(back+upTo(r, 0, 300*msec), "stall-link", "@controller>leader", upTo(r, 300*msec, 800*msec)))
	}
	return faulty(r, p)
}

func drawReshard(_ uint64, r *env.Rand) Plan {
	brokers := 1 + 2*r.IntN(2)
	p := drawCalm(r, brokers, 22*time.Second)
	p.Workload.Every = Duration(r.Between(2, 10)) * msec
	for at := 4 * sec; at < 18*sec; at += upTo(r, 1500*msec, 4*sec) {
		node := brokerOf(r, brokers)
		f := fault(at, "reshard", node, upTo(r, 20*msec, 900*msec))
		f.Amount = r.Between(1, 4)
		p.Faults = append(p.Faults, f)
		back := at + f.For
		for range r.IntN(3) { // a conversion takes from ten to some hundred milliseconds
			back += upTo(r, msec, 120*msec)
			kind := []string{"kill", "power-off"}[r.IntN(2)]
			length := upTo(r, 10*msec, 300*msec)
			p.Faults = append(p.Faults, fault(back, kind, node, length))
			back += length
		}
	}
	return faulty(r, p)
}
