package client

import (
	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/sim/kafka/history"
)

// A SleepingReader is a slow reader that has asked for something and sleeps.
type SleepingReader struct {
	client *Client
	script *slowReader
}

// AsleepIn finds a slow reader that sleeps; nil if none does.
func AsleepIn(l loop.Loop) *SleepingReader {
	if c, ok := l.(*Client); ok {
		if s, ok := c.script.(*slowReader); ok && s.asleep {
			return &SleepingReader{c, s}
		}
	}
	return nil
}

// Wake lets it read from now on.
func (r *SleepingReader) Wake() {
	r.script.asleep, r.script.wokeAt = false,
		r.client.load.World.Now()
}

// Lose tells it that nothing came for too long.
func (r *SleepingReader) Lose(now env.Time) { r.script.lost(now) }

// Read gives it bytes.
func (r *SleepingReader) Read(now env.Time, data []byte) {
	r.script.framer.Feed(data)
	r.script.read(now)
}

// Broker is the machine that it reads from.
func (r *SleepingReader) Broker() string {
	return history.BrokerName(kafka.NodeID(history.NodeOf(r.script.addr)))
}
