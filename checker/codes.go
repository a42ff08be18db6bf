package checker

import "strconv"

// The error codes of Kafka that verdicts use. They are defined again here
// because the checker shares no code with the broker.
const (
	codeNone                         int16 = 0
	codeOffsetOutOfRange             int16 = 1
	codeUnknownTopicOrPartition      int16 = 3
	codeCoordinatorNotAvailable      int16 = 15
	codeNotCoordinator               int16 = 16
	codeRequestTimedOut              int16 = 7
	codeNotEnoughReplicasAfterAppend int16 = 20
	codeTopicAlreadyExists           int16 = 36
	codeInvalidPartitions            int16 = 37
	codeDuplicateSequenceNumber      int16 = 46
	codeUnknownTopicID               int16 = 100
)

var codeNames = map[int16]string{
	-1:                               "UNKNOWN_SERVER_ERROR",
	codeNone:                         "NONE",
	codeOffsetOutOfRange:             "OFFSET_OUT_OF_RANGE",
	codeUnknownTopicOrPartition:      "UNKNOWN_TOPIC_OR_PARTITION",
	codeCoordinatorNotAvailable:      "COORDINATOR_NOT_AVAILABLE",
	codeNotCoordinator:               "NOT_COORDINATOR",
	14:                               "COORDINATOR_LOAD_IN_PROGRESS",
	22:                               "ILLEGAL_GENERATION",
	25:                               "UNKNOWN_MEMBER_ID",
	27:                               "REBALANCE_IN_PROGRESS",
	69:                               "GROUP_ID_NOT_FOUND",
	82:                               "FENCED_INSTANCE_ID",
	6:                                "NOT_LEADER_OR_FOLLOWER",
	codeRequestTimedOut:              "REQUEST_TIMED_OUT",
	19:                               "NOT_ENOUGH_REPLICAS",
	codeNotEnoughReplicasAfterAppend: "NOT_ENOUGH_REPLICAS_AFTER_APPEND",
	codeTopicAlreadyExists:           "TOPIC_ALREADY_EXISTS",
	codeInvalidPartitions:            "INVALID_PARTITIONS",
	45:                               "OUT_OF_ORDER_SEQUENCE_NUMBER",
	codeDuplicateSequenceNumber:      "DUPLICATE_SEQUENCE_NUMBER",
	47:                               "INVALID_PRODUCER_EPOCH",
	codeUnknownTopicID:               "UNKNOWN_TOPIC_ID",
}

func codeName(code int16) string {
	if name, ok := codeNames[code]; ok {
		return name
	}
	return "error " + strconv.Itoa(int(code))
}

// Classify says what a client can conclude from the answer to a produce or an
// admin request. answered is false if the connection was lost or no answer
// came. The codes named here are ambiguous; every other error says that nothing
// was done. DUPLICATE_SEQUENCE_NUMBER is ambiguous because it says that the
// batch is in the log already.
func Classify(answered bool, code int16) Outcome {
	switch {
	case !answered:
		return Ambiguous
	case code == codeNone:
		return Acked
	case code == codeRequestTimedOut, code == codeNotEnoughReplicasAfterAppend,
		code == codeDuplicateSequenceNumber:
		return Ambiguous
	}
	return Failed
}

// ClassifyCommit says what a client can conclude from the answer to a commit. A coordinator that is
// not available any longer, or is none, may have written the offset before.
func ClassifyCommit(code int16) Outcome {
	switch code {
	case codeCoordinatorNotAvailable, codeNotCoordinator, -1:
		return Ambiguous
	}
	return Classify(true, code)
}
