package meta

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/kafka"
)

// falter makes a node doubt its health for a moment; what it sends then is lost.
func (h *host) falter() {
	h.c.dropPct = 100
	for _, healthy := range []bool{false, true} {
		h.node.SetHealthy(h.clock(), healthy)
		h.turn()
	}
	h.c.dropPct = 0
}

// A controller whose health falters, and whose offer of the Raft leadership is
// lost, goes on in the same term: it grants leases and proposes again.
func TestControllerThatFaltersGoesOnInItsTerm(t *testing.T) {
	c := newCluster(t, 3, 11)
	c.ready()
	h := c.leader()
	term := h.node.Status().Term
	h.falter()
	c.run(10 * time.Second)
	require.Equal(t, term, h.node.Status().Term, "the leadership moved: the seed shows nothing")
	require.True(t, h.node.LeaseValid(h.clock()))
	require.Equal(t, kafka.None, c.do(h, newTopics(1, 1, 3)).Code)
}

// What it proposed before it faltered may still be committed: who would lose a
// leadership by that gets no lease meanwhile.
func TestControllerThatFaltersRemembersWhatItProposed(t *testing.T) {
	c := newCluster(t, 3, 11)
	c.ready()
	h := c.leader()
	b := h.node.Image().Broker(h.id%3 + 1)
	c.dropPct = 100
	ctl := h.node.controller
	now := h.clock()
	s := ctl.session(now, b)
	ctl.proposeOwn(now, s, &FenceBroker{b.ID, b.Epoch})
	s.granted = now.Add(-ctl.timing.Takeover)
	ctl.since = s.granted
	h.turn()
	require.Equal(t, 1, s.taking)
	h.falter()
	again := ctl.session(h.clock(), b)
	require.NotSame(t, s, again)
	require.Equal(t, 1, again.taking)
	c.until(5*time.Second, "it is applied", func() bool {
		return ctl.active && ctl.session(h.clock(), b).taking == 0
	})
}
