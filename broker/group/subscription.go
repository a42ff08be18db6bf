package group

import "encoding/binary"

// subscription reads the topics of a ConsumerProtocolSubscription. All versions begin with the
// fields of version 0: the version, then the topics.
func subscription(b []byte) (topics []string, ok bool) {
	if len(b) < 6 {
		return nil, false
	}
	n, b := int(int32(binary.BigEndian.Uint32(b[2:]))), b[6:]
	for ; n > 0; n-- {
		if len(b) < 2 {
			return nil, false
		}
		size := int(int16(binary.BigEndian.Uint16(b)))
		if b = b[2:]; size < 0 || size > len(b) {
			return nil, false
		}
		topics, b = append(topics, string(b[:size])), b[size:]
	}
	return topics, n == 0
}
