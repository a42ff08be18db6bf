package batch_test

import (
	"bytes"
	"fmt"
	"math"
	"testing"

	"example.com/lockstep/broker/batch"
)

// benchBatches are numbers of records and bytes of their values.
var benchBatches = []struct{ records, size int }{{1, 256}, {100, 100}, {10000, 100}, {1000, 1024}}

func benchBatch(records, size int) *batch.Builder {
	b := batch.NewBuilder()
	for i := range records {
		value := bytes.Repeat(fmt.Appendf(nil, "%08x: ", i*2654435761), 1+size/10)
		b.Add(int64(i), []byte("key"), value[:size])
	}
	return b
}

// BenchmarkValidate is the check of a batch's header and checksum.
func BenchmarkValidate(b *testing.B) {
	for _, c := range benchBatches {
		b.Run(fmt.Sprintf("records=%d/value=%d", c.records, c.size), func(b *testing.B) {
			set := benchBatch(c.records, c.size).Build()
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

// BenchmarkScan is the walk through the records that every produced batch costs once, with a
// scanner that is used again. Bytes are those of the records, decompressed.
func BenchmarkScan(b *testing.B) {
	for _, c := range benchBatches {
		for _, p := range packings {
			name := fmt.Sprintf("records=%d/value=%d/%s", c.records, c.size, p.name)
			b.Run(name, func(b *testing.B) {
				builder := benchBatch(c.records, c.size)
				set := builder.BuildWith(p.codec, p.pack(b, builder.Plain()))
				b.SetBytes(int64(len(builder.Plain())))
				b.ReportAllocs()
				var s batch.Scanner
				for b.Loop() {
					err := s.Begin(set, math.MaxInt)
					if err == nil {
						_, _, err = s.Scan(math.MaxInt)
					}
					if err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*c.records),
					"ns/record")
			})
		}
	}
}
