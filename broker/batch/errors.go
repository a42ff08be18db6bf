package batch

import "example.com/lockstep/broker/kafka"

// Error says what is wrong with a batch. All errors of this package are of this type, and are the
// values below, so they can be compared.
type Error struct {
	Code kafka.ErrorCode // the answer to a client
	text string
}

func (e *Error) Error() string { return "batch: " + e.text }

// The errors of a batch.
var (
	ErrShort       = &Error{kafka.CorruptMessage, "shorter than its header or its length says"}
	ErrLength      = &Error{kafka.CorruptMessage, "length field is impossible"}
	ErrOldFormat   = &Error{kafka.InvalidRecord, "magic 0 or 1"}
	ErrMagic       = &Error{kafka.CorruptMessage, "unknown magic"}
	ErrChecksum    = &Error{kafka.CorruptMessage, "CRC32C does not match"}
	ErrCodec       = &Error{kafka.UnsupportedCompressionType, "unknown compression codec"}
	ErrCount       = &Error{kafka.InvalidRecord, "record count and last offset delta disagree"}
	ErrOffset      = &Error{kafka.InvalidRecord, "offsets overflow"}
	ErrProducer    = &Error{kafka.InvalidRecord, "producer id, epoch and sequence disagree"}
	ErrControl     = &Error{kafka.InvalidRecord, "malformed control batch"}
	ErrRecord      = &Error{kafka.InvalidRecord, "malformed record"}
	ErrCompression = &Error{kafka.InvalidRecord, "compressed records do not decompress"}
	ErrExpansion   = &Error{kafka.MessageTooLarge, "records expand past the limit"}
)
