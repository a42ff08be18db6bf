package scenario

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/sim/plan"
)

// draw draws the faults of all rounds on a cluster with this many brokers.
func (t *Trouble) draw(r *env.Rand, brokers int) (faults []plan.Fault) {
	for at := t.At.draw(r); ; at += t.Every.draw(r) {
		if t.Until > 0 && at >= t.Until {
			return faults
		}
		var named []string
		for i, broker := range others(r, brokers, len(t.Pick)) {
			named = append(named, "{"+t.Pick[i]+"}", broker)
		}
		names := strings.NewReplacer(named...)
		begin, end := at, at
		for _, s := range t.steps() {
			begin += s.After.draw(r)
			if s.Then.High > 0 {
				begin = end + s.Then.draw(r)
			}
			if s.Chance > 0 && r.IntN(100) >= s.Chance {
				continue
			}
			if len(s.OneOf) > 0 {
				s = s.OneOf[r.IntN(len(s.OneOf))]
			}
			f := plan.Fault{At: begin, Kind: s.Kind.draw(r), For: s.For.draw(r),
				Amount: s.Amount.draw(r), Path: s.Path}
			end = begin + f.For
			for _, target := range everyLink(names.Replace(s.Target.draw(r)), brokers) {
				f.Target = target
				faults = append(faults, f)
			}
		}
		if t.Every.Low <= 0 {
			return faults
		}
	}
}

// others draws n different brokers in random order.
func others(r *env.Rand, brokers, n int) []string {
	var names []string
	for len(names) < n {
		if name := "b" + strconv.Itoa(1+r.IntN(brokers)); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// everyLink replaces a star in a target by every other broker.
func everyLink(target string, brokers int) (targets []string) {
	from, star := strings.CutSuffix(target, "*")
	if !star {
		return []string{target}
	}
	if role, both := strings.CutSuffix(from, "-"); both && strings.HasPrefix(from, "@") {
		from = role + "-with-"
	}
	for i := range brokers {
		to := "b" + strconv.Itoa(i+1)
		if from != to+"-" && from != to+">" {
			targets = append(targets, from+to)
		}
	}
	return targets
}

func (s *Story) draw(r *env.Rand) plan.Plan {
	brokers := int(s.Nodes.draw(r))
	p := drawCluster(r, brokers, s.Duration.Std())
	p.Nodes = s.machines(r, p.Nodes)
	p.Description = s.Description
	// The bounds of a story assume hosts and disks without long hiccups.
	p.Limits.Mailbox, p.Limits.Hiccup = max(p.Limits.Mailbox, 64),
		min(p.Limits.Hiccup, 10*plan.Millisecond)
	p.Disk.Spike, p.Disk.RuinousCrash = 0, s.Ruinous
	// A flush ends with its segment. With segments of 16 KiB a slow disk moves less than
	// what a node must catch up with.
	segment := &p.Workload.Options.LogSegmentBytes
	if _, given := s.Workload.Options["log_segment_bytes"]; !given &&
		s.Expect.ConvergesWithin > 0 && segment.Or(0) > 0 {
		*segment = plan.Set(max(segment.Or(0), 256<<10))
	}
	if s.Hardware != "" {
		calm(&p)
	}
	if s.Hardware == "fast" {
		fast(&p)
	}
	s.Disk.set(r, &p.Disk)
	s.Workload.set(r, &p, brokers) // the workload of the story comes last and overrides the draws
	if s.Mailbox.given() {
		p.Limits.Mailbox = int(s.Mailbox.draw(r))
	}
	for i := range s.Faults {
		p.Faults = append(p.Faults, s.Faults[i].draw(r, brokers)...)
	}
	s.Expect.set(r, &p)
	return p
}

// machines are the drawn machines, with the clients and shards that the story says.
func (s *Story) machines(r *env.Rand, drawn []plan.NodeSpec) (nodes []plan.NodeSpec) {
	given := map[string]*Number{"producer": &s.Workload.Producers,
		"consumer": &s.Workload.Consumers, "admin": &s.Workload.Admins,
		"greedy": &s.Workload.Greedy, "member": &s.Workload.Members}
	for _, n := range drawn {
		if number := given[n.Role]; number != nil && number.given() {
			continue
		}
		if n.Role == "broker" && s.Shards.given() {
			n.Shards = int(s.Shards.draw(r))
		}
		nodes = append(nodes, n)
	}
	for _, role := range []string{"producer", "consumer", "admin", "greedy", "member"} {
		for i := range given[role].draw(r) {
			nodes = append(nodes, plan.NodeSpec{Name: fmt.Sprint(role, i+1), Role: role})
		}
	}
	return nodes
}

func (d *StoryDisk) set(r *env.Rand, to *plan.Disk) {
	if d.Removal.High > 0 {
		to.Removal = d.Removal.draw(r)
	}
	if d.Bandwidth.given() {
		to.Bandwidth = d.Bandwidth.draw(r)
	}
	if d.Workers.given() {
		to.Workers = int(d.Workers.draw(r))
	}
}

func (l *StoryWorkload) set(r *env.Rand, p *plan.Plan, brokers int) {
	p.Workload.Clients = len(p.Nodes) - brokers
	if l.Every.High > 0 {
		p.Workload.Every = l.Every.draw(r)
	}
	o := &p.Workload.Options
	o.Topics, o.Tight, o.ChurnUs = plan.Set(1), plan.Set(0),
		plan.Set(int64(l.TopicChurn.Std()/time.Microsecond))
	for _, given := range []struct {
		option *plan.Option
		value  Number
	}{{&o.Topics, l.Topics}, {&o.Partitions, l.Partitions}, {&o.MinISR, l.MinInSync}} {
		if given.value.given() {
			*given.option = plan.Set(given.value.draw(r))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(l.Options)) {
		option, err := o.Find(name)
		if err != nil {
			panic(err) // the story was validated
		}
		*option = plan.Set(l.Options[name].draw(r))
	}
}

func (e *StoryExpect) set(r *env.Rand, p *plan.Plan) {
	p.Liveness = cmp.Or(e.ConvergesWithin, 60*plan.Second)
	if slices.Contains(e.Stops, "struck") {
		p.Expect.Stops = plan.StoppedBy(p.Faults)
	} else {
		p.Expect.Stops = e.Stops
	}
	if len(e.Stops) > 0 {
		p.RestartAfterStop = plan.Duration(r.Between(10, 3000)) * plan.Millisecond
	}
	o := &p.Workload.Options
	o.AckPauseMs = plan.Set(int64(e.AcknowledgesWithin.Std() / time.Millisecond))
	if e.NewControllerAdds > 0 {
		o.AckPauseControllerMs = plan.Set(int64(e.NewControllerAdds.Std() / time.Millisecond))
	}
	o.CreateMs = plan.Set(int64(e.CreatesWithin.Std() / time.Millisecond))
	if e.Acknowledged != nil {
		o.MinAcks = plan.Set(*e.Acknowledged)
	}
}

// calm removes hiccups and gives limits room, so that nothing hides what the scenario
// tests.
func calm(p *plan.Plan) {
	p.Limits.Mailbox, p.Limits.TurnEvents = 1024, 64
	p.Limits.HiccupEvery, p.Limits.Hiccup = 0, 0
	p.Disk.Spike, p.Disk.SpikeOneIn = 0, 0
	p.Workload.Options.Tight = plan.Set(0)
}

// fast makes disks, links and hosts quick.
func fast(p *plan.Plan) {
	us := plan.Duration(time.Microsecond)
	p.Network.Latency, p.Network.Jitter = 50*us, 50*us
	p.Disk.Sync, p.Disk.SyncJitter = 100*us, 100*us
	p.Disk.Removal, p.Disk.Bandwidth, p.Disk.Workers = 0, 0, 0
	p.Limits.WakeUp, p.Limits.MailDelay, p.Limits.TurnCost = 2*us,
		plan.Range{Low: us, High: 20 * us}, plan.Range{Low: us, High: 5 * us}
}
