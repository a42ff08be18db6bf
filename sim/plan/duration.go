package plan

import (
	"time"

	"example.com/lockstep/broker/env"
)

// Duration is a time.Duration that reads and prints as "3h40m0s" in plans,
// both in JSON and in YAML.
type Duration time.Duration

func (d Duration) String() string { return time.Duration(d).String() }

// Std is d as a time.Duration.
func (d Duration) Std() time.Duration { return time.Duration(d) }

// Instant is the instant at which d has passed since the world began.
func (d Duration) Instant() env.Instant { return env.Instant(d) }

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil {
		return err
	}
	*d = Duration(v)
	return nil
}

// Round cuts d to microseconds, so that plans stay readable.
func (d Duration) Round() Duration { return d - d%Duration(time.Microsecond) }

// Units of durations in plans.
const (
	Millisecond = Duration(time.Millisecond)
	Second      = Duration(time.Second)
)
