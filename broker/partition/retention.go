package partition

import "example.com/lockstep/broker/kafka"

// Retention says how much of the log to keep (retention.bytes, retention.ms).
// Negative means everything.
type Retention struct {
	Bytes int64
	Ms    int64
}

// RetentionStart returns where the log should begin by the policy at wall time nowMs. The caller
// passes it to SetStart if it is above Start. It keeps whole segments and all of the tail, and
// never passes the watermark. A segment without any timestamp does not age.
func (p *Log) RetentionStart(r Retention, nowMs int64) kafka.Offset {
	start := p.logStart
	excess := p.Bytes() - r.Bytes
	for i := range p.trusted.segments {
		s := &p.trusted.segments[i]
		if s.end > min(p.watermark, p.flushed) {
			break
		}
		tooBig := r.Bytes >= 0 && excess >= s.logBytes
		tooOld := r.Ms >= 0 && s.maxMs >= 0 && s.maxMs < nowMs-r.Ms
		if s.end > p.logStart {
			if !tooBig && !tooOld {
				break
			}
			start = s.end
		}
		excess -= s.logBytes
	}
	return start
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
