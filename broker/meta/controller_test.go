package meta

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/kafka"
)

// pause makes a node unhealthy for a moment. What it sends then is lost.
func (h *host) pause() {
	h.c.dropPct = 100
	for _, healthy := range []bool{false, true} {
		h.node.SetHealthy(h.clock(), healthy)
		h.turn()
	}
	h.c.dropPct = 0
}

// A controller is unhealthy for a moment, and its offer of the Raft leadership is lost.
// It then continues in the same term: it grants leases and proposes again.
func TestControllerContinuesItsTermAfterAPause(t *testing.T) {
	c := newCluster(t, 3, 11)
	c.ready()
	h := c.leader()
	term := h.node.Status().Term
	h.pause()
	c.run(10 * time.Second)
	require.Equal(t, term, h.node.Status().Term, "the leadership moved: the seed shows nothing")
	require.True(t, h.node.LeaseValid(h.clock()))
	require.Equal(t, kafka.None, c.do(h, newTopics(1, 1, 3)).Code)
}

// What the controller proposed before the pause may still be committed. Until that is
// known, a broker that would lose a leadership by it gets no lease.
func TestControllerRemembersAfterAPauseWhatItProposed(t *testing.T) {
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
	h.pause()
	again := ctl.session(h.clock(), b)
	require.NotSame(t, s, again)
	require.Equal(t, 1, again.taking)
	c.until(5*time.Second, "it is applied", func() bool {
		return ctl.active && ctl.session(h.clock(), b).taking == 0
	})
}
