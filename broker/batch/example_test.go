package batch_test

import (
	"fmt"

	"example.com/lockstep/broker/batch"
	"example.com/lockstep/broker/kafka"
)

func kafkaOffset(o int64) kafka.Offset { return kafka.Offset(o) }

// A leader splits the batches of a producer, checks them, and stamps them with their offsets.
func Example() {
	set := append(
		batch.NewBuilder().Add(1700, []byte("a"), []byte("1")).Add(1701, []byte("b"),
			[]byte("2")).Build(),
		batch.NewBuilder().Add(1702, []byte("c"), []byte("3")).Build()...)

	end := kafka.Offset(41)
	for rest := []byte(set); len(rest) > 0; {
		var b batch.Batch
		var err error
		if b, rest, err = batch.Next(rest); err != nil {
			fmt.Println(err)
			return
		}
		if err := b.Validate(); err != nil {
			fmt.Println(err)
			return
		}
		b.Stamp(end, 3)
		end = b.NextOffset()
		for it := b.Records(0); it.Next(); {
			fmt.Printf("%d: %s=%s\n", it.Record.Offset, it.Record.Key, it.Record.Value)
		}
	}
	// Output:
	// 41: a=1
	// 42: b=2
	// 43: c=3
}
