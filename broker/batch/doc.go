// Package batch is a zero-copy view of Kafka's record batch, format version 2
// (magic 2, KIP-98), and a builder of such batches.
//
// # Contract
//
// A record set is one batch after the other. [Next] splits the first one off. [Batch.Validate]
// checks everything that can be checked without decompression. Batches are stored and served
// verbatim (KAFKA 12). A broker writes only the base offset and the partition leader epoch, which
// are outside the CRC ([Batch.Stamp]), and the timestamp fields that LogAppendTime asks for
// ([Batch.StampLogAppendTime]).
//
// [Batch.Records] iterates over the records, and decompresses them if necessary. It is for searches
// by timestamp, for the check of null keys in compacted topics and for the coordinators' own
// partitions. The produce path of other topics, and the fetch path, do not need it.
//
// # Buffers
//
// A [Batch] is a slice of the buffer it was cut from and owns nothing. Stamping writes into that
// buffer, so it must happen before another part of the broker gets the buffer (PROTOCOL 32). Keys
// and values of a [Record] are slices of the batch or, if the batch is compressed, of a buffer that
// the iterator made.
//
// # Errors
//
// Every error is an [Error], which carries the Kafka error code for the answer. The sentinels are
// comparable with errors.Is. The caller checks the size of a batch: max.message.bytes is not known
// here (MESSAGE_TOO_LARGE).
//
// # Limits
//
// Decompression is single-threaded, and the caller bounds the number of its bytes. A batch that
// would expand past the bound is refused, not truncated.
//
// # What it does not do
//
// No older formats (magic 0 and 1), no conversion, no recompression. Batches with missing offsets,
// as compaction would leave them, are refused: the count of records must equal the number of
// offsets.
package batch
