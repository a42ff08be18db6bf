package client

import (
	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/sim/kafka/history"
)

// A SleepingReader is a slow reader that has sent fetches and does not read their answers.
type SleepingReader struct {
	client *Client
	script *slowReader
}

// AsleepIn is the slow reader of a loop if it is asleep; nil if not.
func AsleepIn(l loop.Loop) *SleepingReader {
	if c, ok := l.(*Client); ok {
		if s, ok := c.script.(*slowReader); ok && s.asleep {
			return &SleepingReader{c, s}
		}
	}
	return nil
}

// Wake makes it read from now on.
func (r *SleepingReader) Wake() {
	r.script.asleep, r.script.wokeAt = false, r.client.load.World.Now()
}

// Lose tells it that no answer came for too long.
func (r *SleepingReader) Lose(now env.Time) { r.script.lost(now) }

// Read gives it bytes from the broker.
func (r *SleepingReader) Read(now env.Time, data []byte) {
	r.script.framer.Feed(data)
	r.script.read(now)
}

// Broker is the machine that it reads from.
func (r *SleepingReader) Broker() string {
	return history.BrokerName(kafka.NodeID(history.NodeOf(r.script.addr)))
}
