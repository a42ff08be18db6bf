// Package batch is a zero-copy view of Kafka's record batch, format version 2
// (magic 2, KIP-98), and a builder of such batches.
//
// # Contract
//
// A record set is a concatenation of batches. [Next] splits the first one off;
// [Batch.Validate] checks everything that can be checked without decompressing.
// Batches are stored and served verbatim (KAFKA 12): the only bytes that a
// broker writes are the base offset and the partition leader epoch, which lie
// outside the CRC ([Batch.Stamp]), and the timestamp fields that LogAppendTime
// asks for ([Batch.StampLogAppendTime]).
//
// [Batch.Records] walks the records, decompressing if need be. It exists for
// searches by timestamp, for null keys in compacted topics and for the
// coordinators' own partitions; the produce and fetch paths do not need it.
//
// # Buffers
//
// A [Batch] is a slice of the buffer it was cut from and owns nothing. Stamping
// writes into that buffer, so it must happen before the buffer's first hand-off
// (PROTOCOL 32). Keys and values of a [Record] are slices of the batch if it is
// not compressed, else of a buffer that the iterator made.
//
// # Errors
//
// Every error is an [Error], which carries the Kafka error code to answer with.
// The sentinels are comparable with errors.Is. The size of a batch is judged by
// the caller, who knows max.message.bytes (MESSAGE_TOO_LARGE).
//
// # Limits
//
// Decompression is single-threaded and bounded by the number of bytes that the
// caller allows; a batch that would expand past it is refused, not truncated.
//
// # What it does not do
//
// No older formats (magic 0 and 1), no conversion, no recompression. Batches
// with holes, as compaction would leave them, are refused: the count of records
// must equal the span of offsets.
package batch
