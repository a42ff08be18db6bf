package wire

import (
	"encoding/binary"

	"example.com/lockstep/broker/assert"
	"example.com/lockstep/broker/kafka"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// AppendResponse appends the whole frame of a response: length, header and
// message. The version is the one set on resp, which must be the request's.
//
// The header is v1, with tagged fields, if the message is flexible, else v0. That of
// ApiVersions is always v0, since the client reads it before it knows the broker's
// versions (KIP-511).
func AppendResponse(dst []byte, correlationID int32, resp kmsg.Response) []byte {
	versions, ok := VersionsOf(resp.Key())
	assert.That(ok && resp.GetVersion() >= versions.Min && resp.GetVersion() <= versions.Max,
		"wire: response of key %d, version %d is not in the table", resp.Key(), resp.GetVersion())
	start := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	dst = binary.BigEndian.AppendUint32(dst, uint32(correlationID))
	if resp.GetVersion() >= versions.Flexible && resp.Key() != KeyAPIVersions {
		dst = append(dst, 0)
	}
	dst = resp.AppendTo(dst)
	binary.BigEndian.PutUint32(dst[start:], uint32(len(dst)-start-frameHeaderSize))
	return dst
}

// AppendApiVersionsTooNew appends the answer to an ApiVersions request with a version
// above the maximum. It is error 35 in the encoding of version 0, with the versions of
// ApiVersions itself. The client chooses one of them (KAFKA 2).
func AppendApiVersionsTooNew(dst []byte, correlationID int32) []byte {
	versions, _ := VersionsOf(KeyAPIVersions)
	resp := kmsg.NewPtrApiVersionsResponse()
	resp.ErrorCode = int16(kafka.UnsupportedVersion)
	resp.ApiKeys = []kmsg.ApiVersionsResponseApiKey{{
		ApiKey: versions.Key, MinVersion: versions.AdvertisedMin, MaxVersion: versions.Max,
	}}
	return AppendResponse(dst, correlationID, resp)
}

// AdvertisedVersions is the table that ApiVersions answers.
func AdvertisedVersions() []kmsg.ApiVersionsResponseApiKey {
	keys := make([]kmsg.ApiVersionsResponseApiKey, 0, len(Versions))
	for _, v := range Versions {
		keys = append(keys, kmsg.ApiVersionsResponseApiKey{
			ApiKey: v.Key, MinVersion: v.AdvertisedMin, MaxVersion: v.Max,
		})
	}
	return keys
}
