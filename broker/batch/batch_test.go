package batch_test

import (
	"encoding/binary"
	"hash/crc32"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/batch"
	"example.com/lockstep/broker/kafka"
)

func sample() *batch.Builder {
	return batch.NewBuilder().Producer(7, 2, 40).
		Add(1000, []byte("k"), []byte("v0")).
		Add(1005, nil, []byte("v1"), batch.Header{Key: "h", Value: []byte("x")},
			batch.Header{Key: "n"}).
		Add(1003, []byte("k"), nil)
}

// reseal renews the CRC after a test has changed bytes under it.
func reseal(b batch.Batch) batch.Batch {
	binary.BigEndian.PutUint32(b[17:], crc32.Checksum(b[21:], crc32.MakeTable(crc32.Castagnoli)))
	return b
}

func TestBuilderAgreesWithAnotherCodec(t *testing.T) {
	b := sample().Build()
	b.Stamp(123, 9)
	var k kmsg.RecordBatch
	require.NoError(t, k.ReadFrom(b))
	require.EqualValues(t, b, k.AppendTo(nil))
	require.EqualValues(t, 123, k.FirstOffset)
	require.EqualValues(t, 9, k.PartitionLeaderEpoch)
	require.EqualValues(t, len(b)-12, k.Length)
	require.EqualValues(t, 2, k.LastOffsetDelta)
	require.EqualValues(t, 1000, k.FirstTimestamp)
	require.EqualValues(t, 1005, k.MaxTimestamp)
	require.EqualValues(t, 7, k.ProducerID)
	require.EqualValues(t, 2, k.ProducerEpoch)
	require.EqualValues(t, 40, k.FirstSequence)
	require.EqualValues(t, 3, k.NumRecords)
}

func TestAccessors(t *testing.T) {
	b := sample().Build()
	b.Stamp(100, 5)
	require.NoError(t, b.Validate())
	require.Equal(t, kafka.Offset(100), b.BaseOffset())
	require.Equal(t, kafka.Offset(102), b.LastOffset())
	require.Equal(t, kafka.Offset(103), b.NextOffset())
	require.Equal(t, kafka.LeaderEpoch(5), b.LeaderEpoch())
	require.Equal(t, kafka.ProducerID(7), b.ProducerID())
	require.Equal(t, kafka.ProducerEpoch(2), b.ProducerEpoch())
	require.Equal(t, int32(40), b.BaseSequence())
	require.Equal(t, int32(42), b.LastSequence())
	require.Equal(t, int64(1005), b.MaxTimestampMs())
	require.Equal(t, 3, b.Count())
	require.Equal(t, batch.Uncompressed, b.Codec())
	require.Equal(t, len(b), b.Size())
	require.False(t, b.Control() || b.Transactional() || b.LogAppendTime())

	marker := batch.NewBuilder().Producer(7, 2, batch.NoSequence)
	marker.Control, marker.Transactional = true, true
	m := marker.Add(1, []byte{0, 0, 0, 1}, []byte{0, 0, 0, 0, 0, 0}).Build()
	require.NoError(t, m.Validate())
	require.True(t, m.Control() && m.Transactional())
}

func TestStampIsOutsideTheChecksum(t *testing.T) {
	b := sample().Build()
	before := append([]byte(nil), b[16:]...)
	b.Stamp(math.MaxInt64-10, math.MaxInt32)
	require.NoError(t, b.Validate())
	require.EqualValues(t, before, b[16:])
}

func TestLogAppendTimeRewritesTimestampsAndChecksum(t *testing.T) {
	b := sample().Build()
	b.StampLogAppendTime(77777)
	require.NoError(t, b.Validate())
	require.True(t, b.LogAppendTime())
	it := b.Records(1 << 20)
	for it.Next() {
		require.EqualValues(t, 77777, it.Record.TimestampMs)
	}
	require.NoError(t, it.Err())
}

func TestSequencesWrap(t *testing.T) {
	require.Equal(t, int32(0), batch.AddSequence(math.MaxInt32, 1))
	require.Equal(t, int32(1), batch.AddSequence(math.MaxInt32-1, 3))
	require.Equal(t, int32(-1), batch.AddSequence(-1, 1))
	b := batch.NewBuilder().Producer(1, 0, math.MaxInt32-1)
	for range 4 {
		b.Add(0, nil, nil)
	}
	require.Equal(t, int32(1), b.Build().LastSequence())
}

func TestNextSplitsARecordSet(t *testing.T) {
	one, two := sample().Build(), batch.NewBuilder().Add(1, nil, nil).Build()
	set := append(append([]byte(nil), one...), two...)
	first, rest, err := batch.Next(set)
	require.NoError(t, err)
	require.Equal(t, one, first)
	second, rest, err := batch.Next(rest)
	require.NoError(t, err)
	require.Equal(t, two, second)
	require.Empty(t, rest)
	require.Equal(t, cap(first), len(first), "a batch must not be appendable into its neighbour")

	for cut := 1; cut < len(one); cut++ {
		_, _, err := batch.Next(one[:cut])
		require.ErrorIs(t, err, batch.ErrShort)
	}
}

func TestFramingErrors(t *testing.T) {
	for name, c := range map[string]struct {
		damage func(b batch.Batch)
		want   *batch.Error
		code   kafka.ErrorCode
	}{
		"magic 1": {func(b batch.Batch) {
			b[16] = 1
		}, batch.ErrOldFormat, kafka.InvalidRecord},
		"magic 3": {func(b batch.Batch) { b[16] = 3 }, batch.ErrMagic, kafka.CorruptMessage},
		"negative length": {func(b batch.Batch) {
			b[8] = 0xff
		}, batch.ErrLength, kafka.CorruptMessage},
		"tiny length": {func(b batch.Batch) {
			copy(b[8:], []byte{0, 0, 0, 48})
		}, batch.ErrLength, kafka.CorruptMessage},
		"longer than set": {func(b batch.Batch) { b[11]++ }, batch.ErrShort, kafka.CorruptMessage},
		"maximal length": {func(b batch.Batch) {
			copy(b[8:], []byte{0x7f, 0xff, 0xff, 0xff})
		}, batch.ErrLength, kafka.CorruptMessage},
	} {
		t.Run(name, func(t *testing.T) {
			b := sample().Build()
			c.damage(b)
			_, _, err := batch.Next(b)
			require.ErrorIs(t, err, c.want)
			require.Equal(t, c.code, c.want.Code)
		})
	}
}

func TestValidateErrors(t *testing.T) {
	put16 := func(at int, v uint16) func(batch.Batch) {
		return func(b batch.Batch) { binary.BigEndian.PutUint16(b[at:], v) }
	}
	put32 := func(at int, v uint32) func(batch.Batch) {
		return func(b batch.Batch) { binary.BigEndian.PutUint32(b[at:], v) }
	}
	for name, c := range map[string]struct {
		damage func(b batch.Batch)
		want   *batch.Error
		code   kafka.ErrorCode
	}{
		"codec 5":                 {put16(21, 5), batch.ErrCodec, kafka.UnsupportedCompressionType},
		"no records":              {put32(57, 0), batch.ErrCount, kafka.InvalidRecord},
		"negative count":          {put32(57, math.MaxUint32), batch.ErrCount, kafka.InvalidRecord},
		"count beyond last delta": {put32(57, 4), batch.ErrCount, kafka.InvalidRecord},
		"last delta beyond count": {put32(23, 3), batch.ErrCount, kafka.InvalidRecord},
		"offset overflow": {func(b batch.Batch) {
			b.Stamp(math.MaxInt64, 0)
		}, batch.ErrOffset, kafka.InvalidRecord},
		"negative offset": {func(b batch.Batch) {
			b.Stamp(-1, 0)
		}, batch.ErrOffset, kafka.InvalidRecord},
		"producer without sequence": {put32(53, math.MaxUint32), batch.ErrProducer,
			kafka.InvalidRecord},
		"producer without epoch": {put16(51, math.MaxUint16), batch.ErrProducer,
			kafka.InvalidRecord},
		"producer id -2": {func(b batch.Batch) {
			binary.BigEndian.PutUint64(b[43:], math.MaxUint64-1)
		}, batch.ErrProducer, kafka.InvalidRecord},
		"transaction without an id": {func(b batch.Batch) {
			copy(b[43:], "\xff\xff\xff\xff\xff\xff\xff\xff")
			b[22] |= 0x10
		}, batch.ErrProducer, kafka.InvalidRecord},
		"compressed control": {put16(21, 0x21), batch.ErrControl, kafka.InvalidRecord},
		"control without a producer": {func(b batch.Batch) {
			copy(b[43:], "\xff\xff\xff\xff\xff\xff\xff\xff")
			b[22] |= 0x20
		}, batch.ErrControl, kafka.InvalidRecord},
	} {
		t.Run(name, func(t *testing.T) {
			b := sample().Build()
			c.damage(b)
			require.ErrorIs(t, reseal(b).Validate(), c.want)
			require.Equal(t, c.code, c.want.Code)
		})
	}
}

func TestEveryFlippedBitUnderTheChecksumIsCaught(t *testing.T) {
	b := sample().Build()
	for i := 17 * 8; i < len(b)*8; i++ {
		b[i/8] ^= 1 << (i % 8)
		require.ErrorIs(t, b.Validate(), batch.ErrChecksum)
		b[i/8] ^= 1 << (i % 8)
	}
	require.NoError(t, b.Validate())
}
