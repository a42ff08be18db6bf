package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"example.com/lockstep/broker/alloctest"
	"example.com/lockstep/broker/wire/client"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"
)

func TestVersionsAreThoseOfKmsg(t *testing.T) {
	last := int16(-1)
	for _, v := range Versions {
		require.Greater(t, v.Key, last, "the table is in the order of keys")
		last = v.Key
		req := kmsg.RequestForKey(v.Key)
		require.NotNil(t, req)
		require.LessOrEqual(t, v.Max, req.MaxVersion())
		require.LessOrEqual(t, v.AdvertisedMin, v.Min)
		require.True(t, strings.EqualFold(v.Name, kmsg.NameForKey(v.Key)), v.Name)
		for version := v.Min; version <= v.Max; version++ {
			req.SetVersion(version)
			require.Equal(t, req.IsFlexible(), version >= v.Flexible, "%s %d", v.Name, version)
		}
		got, ok := VersionsOf(v.Key)
		require.True(t, ok)
		require.Equal(t, v, got)
	}
	for _, key := range []int16{-32768, -1, 4, 59, 61, 32767} {
		_, ok := VersionsOf(key)
		require.False(t, ok, "key %d", key)
	}
}

// everyVersion runs f for each key and version that is served.
func everyVersion(t *testing.T, f func(t *testing.T, v VersionRange, version int16)) {
	for _, v := range Versions {
		for version := v.Min; version <= v.Max; version++ {
			t.Run(fmt.Sprintf("%s %d", v.Name, version), func(t *testing.T) { f(t, v, version) })
		}
	}
}

func TestRequestsOfEveryVersionRoundTrip(t *testing.T) {
	everyVersion(t, func(t *testing.T, v VersionRange, version int16) {
		rapid.Check(t, func(t *rapid.T) {
			sent := randomRequest(t, v.Key, version)
			frame := client.AppendRequest(nil, 77, "tester", sent)[4:]
			req, err := ParseRequest(frame)
			require.NoError(t, err)
			require.Equal(t, []any{v.Key, version, int32(77), "tester"},
				[]any{req.Key, req.Version, req.CorrelationID, req.ClientID})
			if v.Key == KeyProduce {
				return // see TestProduceIsDecodedAsKmsgDoes
			}
			require.Equal(t, string(sent.AppendTo(nil)), string(req.Body))
			got, err := req.Decode()
			require.NoError(t, err)
			want := kmsg.RequestForKey(v.Key)
			want.SetVersion(version)
			require.NoError(t, want.ReadFrom(req.Body))
			if m, ok := want.(*kmsg.MetadataRequest); ok {
				fixMetadata(m)
			}
			require.Equal(t, want, got)
			for cut := range req.Body { // the shape finds every truncation
				short := req
				short.Body = req.Body[:cut]
				_, err := short.Decode()
				require.ErrorIs(t, err, ErrMalformed, "cut to %d of %d", cut, len(req.Body))
			}
		})
	})
}

func TestHeaderKeepsClientIDOutOfCompactForm(t *testing.T) {
	frame := []byte{0, 18, 0, 3, 0, 0, 0, 9, 0, 2, 'm', 'e', 1, 5, 2, 0xff, 0xff, 2, 'x', 2, 'y', 0}
	req, err := ParseRequest(frame)
	require.NoError(t, err)
	require.Equal(t, "me", req.ClientID)
	require.Equal(t, []byte{2, 'x', 2, 'y', 0}, req.Body, "one tagged field is skipped")
	decoded, err := req.Decode()
	require.NoError(t, err)
	require.Equal(t, "x", decoded.(*kmsg.ApiVersionsRequest).ClientSoftwareName)
}

func TestUnsupportedVersions(t *testing.T) {
	for _, c := range []struct {
		key, version int16
		answer       bool
	}{
		{18, 5, true}, {18, 99, true}, {18, -1, false},
		{0, 0, false}, {0, 2, false}, {0, 14, false},
		{1, 3, false}, {1, 19, false}, {2, 0, false},
		{7, 0, false}, {10, 7, false}, {-1, 0, false}, {999, 0, false},
	} {
		frame := binary.BigEndian.AppendUint16(nil, uint16(c.key))
		frame = binary.BigEndian.AppendUint16(frame, uint16(c.version))
		frame = append(frame, 0, 0, 0, 42)
		_, err := ParseRequest(frame)
		var unsupported *UnsupportedVersionError
		require.True(t, errors.As(err, &unsupported), "%v", err)
		require.Equal(t, UnsupportedVersionError{c.key, c.version, 42}, *unsupported)
		require.Equal(t, c.answer, unsupported.AnswerApiVersions())
	}
}

func TestHeadersCutShortAreMalformed(t *testing.T) {
	whole := []byte{0, 18, 0, 3, 0, 0, 0, 9, 0, 2, 'm', 'e', 0}
	for cut := range whole {
		_, err := ParseRequest(whole[:cut])
		require.ErrorIs(t, err, ErrMalformed, "cut to %d", cut)
	}
}

func TestOnlyProduceMayBeLarge(t *testing.T) {
	fetch := client.AppendRequest(nil, 1, "c",
		&kmsg.FetchRequest{Version: 4, Topics: []kmsg.FetchRequestTopic{{Topic: "t"}}})[4:]
	_, err := ParseRequest(append(fetch, make([]byte, MaxOtherFrame)...))
	require.ErrorIs(t, err, ErrFrameSize)
	produce := client.AppendRequest(nil, 1, "c", &kmsg.ProduceRequest{Version: 3})[4:]
	_, err = ParseRequest(append(produce, make([]byte, MaxOtherFrame)...))
	require.NoError(t, err)
}

func TestMetadataOfOldVersions(t *testing.T) {
	decode := func(version int16, body ...byte) *kmsg.MetadataRequest {
		req := Request{Key: keyMetadata, Version: version, Body: body}
		m, err := req.Decode()
		require.NoError(t, err)
		return m.(*kmsg.MetadataRequest)
	}
	require.Nil(t, decode(0, 0, 0, 0, 0).Topics, "version 0: empty is all")
	require.NotNil(t, decode(1, 0, 0, 0, 0).Topics, "version 1: empty is none")
	require.Nil(t, decode(1, 255, 255, 255, 255).Topics, "version 1: null is all")
	for version := int16(0); version < 4; version++ {
		require.True(t, decode(version, 0, 0, 0, 0).AllowAutoTopicCreation)
	}
	require.False(t, decode(4, 0, 0, 0, 0, 0).AllowAutoTopicCreation)
}

// Without the shapes, each of these would make kmsg loop or allocate without bound.
func TestHostileCountsAreRefused(t *testing.T) {
	huge := []byte{0xff, 0xff, 0xff, 0xff, 0x0f}
	tagBomb := Request{Key: KeyAPIVersions, Version: 3, Body: append([]byte{1, 1}, huge...)}
	_, err := tagBomb.Decode()
	require.ErrorIs(t, err, ErrMalformed)

	// A replica state (tag 1 of Fetch) has tagged fields of its own.
	fetch := (&kmsg.FetchRequest{Version: 15}).AppendTo(nil)
	fetch = append(fetch[:len(fetch)-1], 1, 1, 17)
	fetch = append(append(fetch, make([]byte, 12)...), huge...)
	nested := Request{Key: KeyFetch, Version: 15, Body: fetch}
	_, err = nested.Decode()
	require.ErrorIs(t, err, ErrMalformed)

	// A count of a million topics, and then a megabyte that is not a topic.
	topics := append([]byte{0, 0xf, 0x42, 0x40}, bytes.Repeat([]byte{0xff}, 1<<20-64)...)
	create := Request{Key: keyCreateTopics, Version: 2, Body: topics}
	require.Less(t, testing.AllocsPerRun(1, func() {
		_, err = create.Decode()
	}), 10.0)
	require.ErrorIs(t, err, ErrMalformed)

	tags := binary.AppendUvarint([]byte{1, 1}, maxTags+1)
	for i := range uint64(maxTags + 1) {
		tags = append(binary.AppendUvarint(tags, i), 0)
	}
	many := Request{Key: KeyAPIVersions, Version: 3, Body: tags}
	_, err = many.Decode()
	require.ErrorIs(t, err, ErrMalformed)
}

func FuzzParseRequest(f *testing.F) {
	for _, v := range Versions {
		for version := v.Min; version <= v.Max; version++ {
			req := kmsg.RequestForKey(v.Key)
			req.SetVersion(version)
			f.Add(client.AppendRequest(nil, 1, "c", req)[4:])
		}
	}
	f.Add(client.AppendRequest(nil, 1, "c", &kmsg.FetchRequest{Version: 12,
		Topics: []kmsg.FetchRequestTopic{{Topic: "t",
			Partitions: make([]kmsg.FetchRequestTopicPartition, 2)}}})[4:])
	f.Fuzz(func(t *testing.T, frame []byte) {
		req, err := ParseRequest(frame)
		if err != nil {
			return
		}
		if req.Key == KeyProduce {
			_, _ = DecodeProduce(req.Version, req.Body)
			return
		}
		var decoded kmsg.Request
		// An element of one byte becomes a struct of kmsg.
		alloctest.Bounded(t, 256*len(frame), func() { decoded, err = req.Decode() })
		if err != nil {
			return
		}
		// An accepted request must be what kmsg would write, except for tags.
		again := decoded.AppendTo(nil)
		require.True(t, wellFormed(req.Key, req.Version, again))
	})
}
