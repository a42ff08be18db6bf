package shard

import (
	"fmt"
	"math"

	"example.com/lockstep/broker/api"
	"example.com/lockstep/broker/batch"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/mark"
	"example.com/lockstep/broker/meta"
	"example.com/lockstep/broker/wire"
)

// The records of a produce are read once, on the shard that owns the client's connection. So the
// leader is spared, and a forwarded batch is not read again. What they say ([batch.Facts]) goes to
// the leader with the batch. The leader judges it by the topic's configuration.
//
// A loop reads a bounded number of bytes in a turn (limits.ScanBytes). What is larger waits in
// Shard.unread and is read there in steps. Meanwhile the connection starts no further produce, so
// that produces keep their order.

// unreadBatch is a produce with records that are not read to the end.
type unreadBatch struct {
	origin Origin
	conn   *clientConn
	begun  bool // Shard.stepper reads it
}

// readRecords reads the records of operation i, a client's produce. It reports whether the facts
// are known and the produce may go on. If not, the operation is resolved, or goes on later.
func (s *Shard) readRecords(r *request, i int32, op api.Produce) bool {
	b, failure := validate(op.Batches)
	if failure.Code == kafka.None && s.oversized(b, op.Partition) {
		failure = failedProduce(kafka.MessageTooLarge, "")
	}
	if failure.Code != kafka.None {
		s.resolve(s.origin(r, i), failure)
		return false
	}
	if s.scanLeft > 0 && !b.Wide() {
		err := s.scanner.Begin(b, s.limits.RequestBytes)
		done := err != nil
		if !done {
			s.scanLeft, done, err = s.scanner.Scan(s.scanLeft)
		}
		if done {
			return s.haveRead(r, i, s.scanner.Facts(), err)
		}
		s.scanner.End()
	}
	mark.Hit(mark.RecordsReadInSteps)
	r.conn.unread++
	s.unread = append(s.unread, unreadBatch{origin: s.origin(r, i), conn: r.conn})
	return false
}

// haveRead notes the facts of a batch, or refuses what cannot be read.
func (s *Shard) haveRead(r *request, i int32, facts batch.Facts, err error) bool {
	if err != nil {
		s.resolve(s.origin(r, i), refusedBatch(err))
		return false
	}
	r.ops[i].facts = facts
	return true
}

// oversized reports whether a batch is larger than its topic allows. The leader decides that, by
// its own metadata. Here it only saves reading what would be refused.
func (s *Shard) oversized(b batch.Batch, id kafka.PartitionID) bool {
	if b.Size() <= s.limits.ScanBytes && b.Codec() == batch.Uncompressed {
		return false
	}
	t := s.image.TopicByID(id.Topic)
	return t != nil && b.Size() > topicInt(s.image, t, "max.message.bytes")
}

// readSome reads on in the oldest batches that are not read, for one turn. There is one scanner for
// them, since it may need much memory.
func (s *Shard) readSome() {
	left := s.limits.ScanBytes
	for left > 0 && len(s.unread) > 0 {
		u := &s.unread[0]
		r, i := s.running(u.origin)
		done, err := r == nil, error(nil)
		if !done && !u.begun {
			b := batch.Batch(r.ops[i].op.(api.Produce).Batches)
			if b.Wide() {
				left = 1 // it is alone in its turn
			}
			u.begun, err = true, s.stepper.Begin(b, s.limits.RequestBytes)
			done = err != nil
		}
		if !done {
			left, done, err = s.stepper.Scan(left)
		}
		if !done {
			return
		}
		facts := s.stepper.Facts()
		s.stepper.End()
		u.conn.unread--
		s.unread = s.unread[1:]
		if r != nil && s.haveRead(r, i, facts, err) {
			s.joinLane(r, i, r.ops[i].op.(api.Produce))
		}
	}
}

// running finds an operation that has no result yet; nil if it has, or its request is gone.
func (s *Shard) running(origin Origin) (r *request, i int32) {
	r = s.requests[origin.Request]
	if r == nil || r.done || r.ops[origin.Op-r.firstOp].resolved {
		return nil, 0
	}
	return r, origin.Op - r.firstOp
}

// recordRules are the configurations of a topic that its records obey.
type recordRules struct {
	logAppendTime bool
	compacted     bool
	beforeMaxMs   int64 // how far in the past a timestamp may be
	afterMaxMs    int64 // how far in the future
}

func rulesOf(image *meta.Image, t *meta.Topic) recordRules {
	return recordRules{
		logAppendTime: image.TopicConfig(t, "message.timestamp.type") == "LogAppendTime",
		compacted:     meta.Compacts(image.TopicConfig(t, "cleanup.policy")),
		beforeMaxMs:   topicLong(image, t, "message.timestamp.before.max.ms"),
		afterMaxMs:    topicLong(image, t, "message.timestamp.after.max.ms"),
	}
}

// judge returns the error of a batch with such records, or None.
func (r *recordRules) judge(b batch.Batch, facts batch.Facts, wallMs int64) kafka.ErrorCode {
	switch {
	case r.logAppendTime && b.LogAppendTime(), // which only a broker may set
		r.outside(facts.MaxTimestampMs, wallMs), r.outside(facts.OldestMs, wallMs):
		return kafka.InvalidTimestamp
	case r.compacted && facts.Keyless:
		return kafka.InvalidRecord
	}
	return kafka.None
}

// outside reports whether a record's timestamp is too old or too new. A record without one never
// is.
func (r *recordRules) outside(ms, wallMs int64) bool {
	if r.logAppendTime || ms == batch.NoTimestamp {
		return false
	}
	oldest, newest := wallMs-r.beforeMaxMs, int64(math.MaxInt64)
	if r.afterMaxMs < math.MaxInt64-wallMs {
		newest = wallMs + r.afterMaxMs
	}
	return ms < oldest || ms > newest
}

// refusalText is the message of a refusal for single records, as Kafka has it.
func refusalText(code kafka.ErrorCode) string {
	switch code {
	case kafka.InvalidTimestamp:
		return "One or more records have been rejected due to invalid timestamp"
	case kafka.InvalidRecord:
		return "One or more records have been rejected due to invalid records"
	}
	return ""
}

// recordErrorsMax is how many records a refusal names.
const recordErrorsMax = 100

// withRecordErrors adds to a refusal which records are in error. It reads the batch again, no
// further than a turn may, and judges it by the metadata of this node.
func (s *Shard) withRecordErrors(op *runningOp, result api.ProduceResult) api.ProduceResult {
	produce := op.op.(api.Produce)
	t := s.image.TopicByID(produce.Partition.Topic)
	if refusalText(result.Code) == "" || t == nil {
		return result
	}
	b, rules := batch.Batch(produce.Batches), rulesOf(s.image, t)
	if rules.judge(b, op.facts, s.now.WallMs) != result.Code {
		return result // it is the batch that is in error, and not a record
	}
	name := fmt.Sprintf("%s-%d", t.Name, produce.Partition.Partition)
	left, err := s.scanLeft, s.scanner.Begin(b, s.limits.RequestBytes)
	for err == nil && left > 0 && len(result.Errors) < recordErrorsMax {
		var r batch.Seen
		var ok bool
		if r, ok, err = s.scanner.Next(); err != nil || !ok {
			break
		}
		if text := rules.textOf(r, name, s.now.WallMs); text != "" {
			result.Errors = append(result.Errors, wire.RecordError{Index: r.Index, Message: text})
		}
		left -= r.Size
	}
	s.scanner.End()
	s.scanLeft = left
	return result
}

// textOf says what is wrong with a record; "" if nothing is.
func (r *recordRules) textOf(record batch.Seen, partition string, wallMs int64) string {
	switch {
	case r.compacted && record.Keyless:
		return "Compacted topic cannot accept message without key in topic partition " +
			partition + "."
	case r.logAppendTime: // then judge has refused the batch for this bit
		return "Producer should not set timestamp type to LogAppendTime."
	case r.outside(record.TimestampMs, wallMs):
		return fmt.Sprintf("Timestamp %d of message with offset %d is out of range. The timestamp "+
			"should be within [%d, %d]", record.TimestampMs, record.Index, wallMs-r.beforeMaxMs,
			wallMs+r.afterMaxMs)
	}
	return ""
}
