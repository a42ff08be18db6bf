package batch_test

import (
	"fmt"
	"testing"

	"example.com/lockstep/broker/batch"
)

// benchSizes are numbers of records of 1 KiB in a batch.
var benchSizes = []int{1, 16, 1000}

func benchBatch(records int) batch.Batch {
	b := batch.NewBuilder()
	for i := range records {
		b.Add(int64(i), []byte("key"), make([]byte, 1<<10))
	}
	return b.Build()
}

// BenchmarkValidate is what every produced batch costs before it is appended.
func BenchmarkValidate(b *testing.B) {
	for _, records := range benchSizes {
		b.Run(fmt.Sprintf("records=%d", records), func(b *testing.B) {
			set := benchBatch(records)
			b.SetBytes(int64(len(set)))
			b.ReportAllocs()
			for b.Loop() {
				first, _, err := batch.Next(set)
				if err == nil {
					err = first.Validate()
				}
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkCheckRecords is the walk through the records, of compacted topics.
func BenchmarkCheckRecords(b *testing.B) {
	for _, records := range benchSizes {
		b.Run(fmt.Sprintf("records=%d", records), func(b *testing.B) {
			set := benchBatch(records)
			b.SetBytes(int64(len(set)))
			b.ReportAllocs()
			for b.Loop() {
				if err := set.CheckRecords(1<<20, true); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
