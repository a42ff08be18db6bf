package partition_test

import (
	"fmt"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/batch"
	"example.com/lockstep/broker/partition"
)

// One log from creation to recovery, as a shard drives it.
func Example() {
	// The bed is a small owner. It passes the completions of a simulated disk to log.Completed and
	// collects the Dones. It has made the log with
	//	partition.New(partition.Config{Dir: ..., Owner: ..., Life: 1, Limits: ...}, disk)
	//	log.Create()
	b := newBed(fatal{}, 1)
	log := b.log

	// Become leader: the start of an epoch is a record of its own.
	log.StartEpoch(1, partition.Ref{Seq: 1})

	// Produce.
	produce := batch.NewBuilder().Producer(7, 0, 0).Add(1700, []byte("k"), []byte("v")).Build()
	verdict := log.CheckProducer([]batch.Batch{produce})
	fmt.Println("accept:", verdict.Kind == partition.Accept)
	produce.Stamp(log.End(), 1)
	log.Append(produce, partition.Ref{Seq: 2}) // its place in the WAL
	fmt.Println("end", log.End(), "durable", log.DurableEnd())
	log.Durable(2)      // as the WAL reports
	log.SetWatermark(1) // as replication reports
	fmt.Println("durable", log.DurableEnd(), "watermark", log.Watermark())

	// The same batch again is a duplicate.
	verdict = log.CheckProducer([]batch.Batch{produce})
	fmt.Println("duplicate:", verdict.Kind == partition.Duplicate, "at", verdict.Base)

	// Move the batches to a segment.
	pinned, _ := log.Pinned()
	fmt.Println("the WAL is needed from", pinned.Seq, "on; to flush:", log.Candidate().Bytes > 0)
	log.Flush(partition.FlushOptions{})
	b.settle() // take all completions
	_, ok := log.Pinned()
	fmt.Println("flushed:", b.take(partition.Flushed)[0].Err == nil, "pinned:", ok)

	// Read and search: from a segment now.
	read := log.Read(0, 1<<20, log.Watermark())
	fmt.Println("pending:", read.Pending())
	b.settle()
	fmt.Println("batches", len(b.take(partition.ReadDone)[0].Batches))
	log.OffsetForTimestamp(1700, log.Watermark())
	b.settle()
	fmt.Println("found", b.take(partition.LookedUp)[0].Found.Offset)

	// The log differs from a new leader's: truncate it.
	epoch, end := log.EndOffsetFor(5)
	fmt.Println("epoch", epoch, "ends at", end)
	other := batch.NewBuilder().Add(1800, nil, nil).Build()
	other.Stamp(1, 1)
	log.Append(other, partition.Ref{Seq: 3})
	log.Truncate(1, partition.Ref{Seq: 4})
	fmt.Println("end", log.End())

	// Recover: the checkpoint, then the WAL's records in order.
	b.open()
	log = b.log
	log.Load(false)
	b.settle()
	fmt.Println("record 2 is covered:", log.Covered(2))
	_ = log.Replay(other, partition.Ref{Seq: 3})
	log.Truncate(1, partition.Ref{Seq: 4})
	fmt.Println("whole:", log.EndReplay(), "end", log.End(), "latest epoch", log.LatestEpoch())

	// Retention, and the removal.
	to, _ := log.RetentionStart(partition.Retention{Bytes: 0, Ms: -1}, 0)
	log.SetStart(to, partition.Ref{Seq: 5})
	fmt.Println("start", log.Start())
	log.Durable(5)
	fmt.Println("start", log.Start())
	log.Delete()
	b.settle()
	fmt.Println("removed:", b.take(partition.Removed)[0].Err == nil)

	// Output:
	// accept: true
	// end 1 durable 0
	// durable 1 watermark 1
	// duplicate: true at 0
	// the WAL is needed from 1 on; to flush: true
	// flushed: true pinned: false
	// pending: true
	// batches 1
	// found 0
	// epoch 1 ends at 1
	// end 1
	// record 2 is covered: true
	// whole: true end 1 latest epoch 1
	// start 0
	// start 1
	// removed: true
}

// fatal lets an example use require: a failure panics.
type fatal struct{}

func (fatal) Errorf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
func (fatal) FailNow()                          { panic("failed") }

var _ require.TestingT = fatal{}
var _ partition.Disk = (*bed)(nil)
