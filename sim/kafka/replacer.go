package kafka

import (
	"time"

	"example.com/lockstep/broker/api"
	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/broker/meta"
	"example.com/lockstep/broker/shard"
	"example.com/lockstep/sim/world"
)

// replacer is an operator that gives votes to the directories that have joined, at intervals: it
// asks any broker for an AddVoter of each learner, as `lockstep cluster replace-node` does. Its
// questions may be lost; it asks again while there are learners.
type replacer struct {
	cluster *cluster
	every   time.Duration
	rand    *env.Rand
	asked   uint64
}

// replacerPatience is how long a broker may take for the command.
const replacerPatience = 2 * time.Second

// replacerRequests keeps the numbers of its questions apart from those of barrierReads.
const replacerRequests = 1 << 48

func (c *cluster) replaceLostVoters(w *world.World) {
	every := time.Duration(c.Options().ReplaceMs.Or(0)) * time.Millisecond
	if every > 0 {
		r := &replacer{cluster: c, every: every, rand: w.Random("replacer")}
		w.After(every, "operator replaces", r.look)
	}
}

func (r *replacer) look() {
	c := r.cluster
	c.World.After(r.every, "operator replaces", r.look)
	n := c.World.Node(c.Brokers[r.rand.IntN(len(c.Brokers))])
	state, ok := c.control(n.Spec().Name)
	if !ok {
		return
	}
	for _, m := range state.Image.Members() {
		if m.Voter || m.Promote {
			continue
		}
		r.asked++
		n.Ask(loop.Control, shard.Call{
			Origin:   shard.Origin{Loop: loop.Outside, Request: replacerRequests + r.asked},
			Op:       api.Propose{Command: &meta.AddVoter{PeerID: m.PeerID}},
			Deadline: n.Time().Mono.Add(replacerPatience),
		})
	}
}
