package wire

import (
	"errors"
	"fmt"

	"example.com/lockstep/broker/assert"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Request is one frame of a client, without its header.
type Request struct {
	Key           int16
	Version       int16
	CorrelationID int32
	ClientID      string // "" also if it was null
	Body          []byte // the message, a sub-slice of the frame
}

// ErrMalformed is wrapped by the errors for frames that are not a request of the key and
// version in their header.
var ErrMalformed = errors.New("wire: malformed request")

// UnsupportedVersionError says that the key or the version is not in [Versions].
type UnsupportedVersionError struct {
	Key           int16
	Version       int16
	CorrelationID int32
}

func (e *UnsupportedVersionError) Error() string {
	return fmt.Sprintf("wire: version %d of API key %d is not supported", e.Version, e.Key)
}

// AnswerApiVersions reports whether the client only asked for a newer version of
// ApiVersions than is served. The answer is then [AppendApiVersionsTooNew]. In all other
// cases the connection is closed.
func (e *UnsupportedVersionError) AnswerApiVersions() bool {
	return e.Key == KeyAPIVersions && e.Version > 0
}

// ParseRequest reads the header of a frame:
//
//	v1: key i16 | version i16 | correlation id i32 | client id nullable string
//	v2: v1 | tagged fields
//
// The client id is not compact in v2 either, since a broker must be able to read the
// header of an ApiVersions request that is newer than the broker (KIP-511). Tagged fields
// are skipped. Header v0 belongs to ControlledShutdown, which is not served.
//
// The errors are *[UnsupportedVersionError], or wrap [ErrMalformed] or [ErrFrameSize].
func ParseRequest(frame []byte) (Request, error) {
	r := reader{src: frame}
	req := Request{Key: r.int16(), Version: r.int16(), CorrelationID: r.int32()}
	if r.bad {
		return Request{}, fmt.Errorf("%w: frame of %d bytes has no header",
			ErrMalformed, len(frame))
	}
	versions, ok := VersionsOf(req.Key)
	if !ok || req.Version < versions.Min || req.Version > versions.Max {
		return Request{}, &UnsupportedVersionError{req.Key, req.Version, req.CorrelationID}
	}
	if req.Key != KeyProduce && len(frame) > MaxOtherFrame {
		return Request{}, fmt.Errorf("%w: %s of %d bytes, at most %d allowed",
			ErrFrameSize, versions.Name, len(frame), MaxOtherFrame)
	}
	r.flexible = false
	clientID, _ := r.nullableString()
	req.ClientID = string(clientID)
	if req.Version >= versions.Flexible {
		r.flexible = true
		r.skipTags()
	}
	if r.bad {
		return Request{}, fmt.Errorf("%w: header of %s %d is cut short",
			ErrMalformed, versions.Name, req.Version)
	}
	req.Body = r.src
	return req, nil
}

// Decode returns the typed request, as kmsg decodes it, for every key but Produce. Fields
// that old versions do not have get Kafka's meaning for those versions. Bytes after the
// message are ignored. The error wraps [ErrMalformed].
func (r *Request) Decode() (kmsg.Request, error) {
	assert.That(r.Key != KeyProduce, "wire: Produce is decoded by DecodeProduce")
	if !wellFormed(r.Key, r.Version, r.Body) {
		return nil, fmt.Errorf("%w: body of API key %d, version %d", ErrMalformed, r.Key, r.Version)
	}
	req := kmsg.RequestForKey(r.Key)
	req.SetVersion(r.Version)
	if err := req.ReadFrom(r.Body); err != nil {
		return nil, fmt.Errorf("%w: body of API key %d, version %d: %w",
			ErrMalformed, r.Key, r.Version, err)
	}
	if m, ok := req.(*kmsg.MetadataRequest); ok {
		fixMetadata(m)
	}
	return req, nil
}

// fixMetadata gives old versions of Metadata their meaning (KAFKA 8). Before version 4,
// topics may be created. Version 0 has no null, so that an empty list stands for all
// topics.
func fixMetadata(m *kmsg.MetadataRequest) {
	if m.Version < 4 {
		m.AllowAutoTopicCreation = true
	}
	if m.Version == 0 && len(m.Topics) == 0 {
		m.Topics = nil
	}
}
