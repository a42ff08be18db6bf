package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/node"
	"example.com/lockstep/broker/wire/peer"
)

func TestNodeConfigSaysWhatTheKeysSaid(t *testing.T) {
	c, err := configOf(t, required+`
listeners=PLAINTEXT://127.0.0.1:9093
default.replication.factor=3
min.insync.replicas=2
shards=2
socket.request.max.bytes=130000000
replica.lag.time.max.ms=500
`)
	require.NoError(t, err)
	cfg := nodeConfig(c, peer.UUID{1})
	require.Equal(t, kafka.NodeID(2), cfg.Node)
	require.Equal(t, peer.UUID{1}, cfg.Incarnation)
	require.Equal(t, 2, cfg.Shards)
	require.Equal(t, []node.Voter{
		{Node: 1, Addr: "a:10092"},
		{Node: 2, Addr: "b:10092"},
		{Node: 3, Addr: "c:10092"},
	}, cfg.Voters)
	require.Equal(t, node.Addresses{
		Kafka: "127.0.0.1:9093", Control: "b:10092", Data: "127.0.0.1:11093",
	}, cfg.Advertised)
	require.Equal(t, int16(3), cfg.Settings.ReplicationFactor)
	require.Equal(t, 2, cfg.Settings.MinInSync)
	require.Equal(t, 1, cfg.ControlWAL.InFlight)
	require.Greater(t, cfg.Limits.PeerFrameBytes, cfg.Limits.RequestBytes,
		"a forwarded request must fit")
	require.LessOrEqual(t, cfg.Limits.AckTimeout, cfg.Limits.LagTimeout)
	require.Less(t, cfg.Limits.RedialMax, cfg.Limits.AckTimeout)
}

// PROTOCOL 25: W >= Λ(1+ρ)/(1-ρ), session >= W.
func TestLeasesFitIntoEverySession(t *testing.T) {
	for session := 200 * time.Millisecond; session <= 20*time.Second; session += 7 *
		time.Millisecond {
		m := sessionTiming(min(session/4, 250*time.Millisecond), session)
		require.GreaterOrEqual(t, int64(m.Takeover)*(100-m.DriftPercent),
			int64(m.Lease)*(100+m.DriftPercent), session)
		require.GreaterOrEqual(t, m.Session, m.Takeover)
		require.Greater(t, m.Lease, m.Heartbeat*2, "a lost heartbeat must not end the lease")
	}
	m := sessionTiming(250*time.Millisecond, 3*time.Second)
	require.Equal(t, 2800*time.Millisecond, m.Takeover)
	require.Equal(t, 2500*time.Millisecond, m.Lease)
}
