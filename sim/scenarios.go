package sim

import (
	"strconv"
	"time"

	"lockstep/broker/env"
)

// clusterScenarios run the real broker.
var clusterScenarios = []Scenario{
	{Name: "steady", About: "a cluster and its clients, and nothing goes wrong", Draw: drawSteady, New: newCluster},
}

// drawCluster draws brokers, clients and their load, without faults.
func drawCluster(r *env.Rand, brokers int, duration time.Duration) Plan {
	p := Plan{
		Duration: Duration(duration), Liveness: Duration(60 * time.Second), MaxEvents: 30_000_000,
		Limits: DrawLimits(r), Network: drawClusterNetwork(r), Disk: drawClusterDisk(r),
	}
	for i := range brokers {
		p.Nodes = append(p.Nodes, NodeSpec{
			Name: "b" + strconv.Itoa(i+1), Role: "broker", Shards: 1 + r.IntN(3),
			StartAt:  Duration(r.Between(0, int64(200*time.Millisecond))).Round(),
			DriftPpm: r.Between(-1000, 1000), WallSkewMs: r.Between(-100_000, 100_000),
		})
	}
	client := func(role string, n int) {
		for i := range n {
			p.Nodes = append(p.Nodes, NodeSpec{Name: role + strconv.Itoa(i+1), Role: role, StartAt: Duration(r.Between(0, int64(time.Second))).Round()})
		}
	}
	client("producer", 1+r.IntN(3))
	client("consumer", 1+r.IntN(2))
	client("reader", 1)
	client("admin", 1)
	rf := min(brokers, 3)
	minISR := 1
	if rf > 1 {
		minISR = 1 + r.IntN(2)
	}
	p.Workload = Workload{
		Kind: "kafka", Clients: len(p.Nodes) - brokers, Every: Duration(r.Between(4, 60)) * Duration(time.Millisecond),
		Options: map[string]int64{
			"topics": 1 + int64(r.IntN(2)), "partitions": 1 + int64(r.IntN(3)), "rf": int64(rf), "min_isr": int64(minISR),
			"tight": int64(r.IntN(2)), "request_timeout_ms": r.Between(500, 3000),
			"wal_segment_bytes": 64 << (10 + r.IntN(6)), "raft_compact_bytes": 4 << (10 + 2*r.IntN(6)),
			"log_segment_bytes": []int64{0, 16 << 10, 256 << 10}[r.IntN(3)],
		},
	}
	return p
}

// drawClusterNetwork draws a network within which the timing of PROTOCOL 25 can
// be kept: a rack or a region, not a continent.
func drawClusterNetwork(r *env.Rand) Network {
	n := DrawNetwork(r)
	n.Latency = min(n.Latency, Duration(2*time.Millisecond))
	n.Jitter = min(n.Jitter, Duration(10*time.Millisecond))
	return n
}

func drawClusterDisk(r *env.Rand) Disk {
	d := DrawDisk(r)
	d.Spike = min(d.Spike, Duration(200*time.Millisecond))
	return d
}

func drawSteady(seed uint64, r *env.Rand) Plan {
	return drawCluster(r, 1+r.IntN(5), time.Duration(r.Between(4, 12))*time.Second)
}
