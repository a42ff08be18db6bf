package partition

import "example.com/lockstep/broker/kafka"

// Retention says how much of the log to keep (retention.bytes, retention.ms).
// Negative means everything.
type Retention struct {
	Bytes int64
	Ms    int64
}

// Cause says which limit of a Retention asks for a log start.
type Cause uint8

const (
	NoCause Cause = iota
	TooOld        // retention.ms
	TooBig        // retention.bytes
)

// RetentionStart returns where the log should begin by the policy at wall time nowMs, and why. It
// is the present log start if nothing has to go. It never passes the watermark.
//
// Segments go whole, the oldest first, as in Kafka: by time if the largest timestamp is older than
// allowed, by size while the rest is still as large as allowed. A timestamp in the future keeps its
// segment and all that follow. The tail is what Kafka's active segment is; it goes batch by batch,
// because in a quiet partition it may span a long time. What has no timestamp does not age.
func (p *Log) RetentionStart(r Retention, nowMs int64) (start kafka.Offset, why Cause) {
	if start, why = p.logStart, NoCause; r.Bytes < 0 && r.Ms < 0 {
		return start, why
	}
	keep := retained{r, nowMs, p.liveBytes() - r.Bytes}
	for i := range p.trusted.segments {
		s := &p.trusted.segments[i]
		if s.end <= p.logStart {
			continue
		}
		cause := keep.cause(s.logBytes, s.maxMs)
		if s.end > min(p.watermark, p.flushed) || cause == NoCause {
			return start, why
		}
		start, why = s.end, cause
	}
	for i := range p.tail.entries {
		e := &p.tail.entries[i]
		if e.last < p.logStart {
			continue
		}
		cause := keep.cause(int64(e.size), e.maxMs)
		if e.last >= p.watermark || cause == NoCause {
			return start, why
		}
		start, why = e.last+1, cause
	}
	return start, why
}

// retained is what is left of a retention while it goes through a log, oldest first.
type retained struct {
	policy Retention
	nowMs  int64
	excess int64 // bytes beyond policy.Bytes
}

// cause says whether the next piece of the log goes, and takes it off the excess.
func (r *retained) cause(bytes, maxMs int64) Cause {
	switch {
	case r.policy.Ms >= 0 && maxMs >= 0 && maxMs < r.nowMs-r.policy.Ms:
		r.excess -= bytes
		return TooOld
	case r.policy.Bytes >= 0 && r.excess >= bytes:
		r.excess -= bytes
		return TooBig
	}
	return NoCause
}

// liveBytes is the size of the log without segments and batches that lie below its start.
func (p *Log) liveBytes() (bytes int64) {
	for i := range p.trusted.segments {
		if s := &p.trusted.segments[i]; s.end > p.logStart {
			bytes += s.logBytes
		}
	}
	for i := range p.tail.entries {
		if e := &p.tail.entries[i]; e.last >= p.logStart {
			bytes += int64(e.size)
		}
	}
	return bytes
}

// Bytes is the size of the log: the tail and all segments. Segments below the log start count until
// a flush removes them.
func (p *Log) Bytes() int64 {
	bytes := p.tail.bytes
	for i := range p.trusted.segments {
		bytes += p.trusted.segments[i].logBytes
	}
	return bytes
}
