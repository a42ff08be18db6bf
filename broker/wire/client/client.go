// Package client is the other end of package wire, for the simulated clients:
// it codes requests and decodes responses of any key that kmsg has.
//
// It relies on kmsg and on the protocol's rules for headers only, and takes
// nothing from package wire, so that a mistake there is not made twice. Slices
// that decoding yields may alias the frame. It trusts the broker's counts: a
// simulated client has no memory to defend.
package client

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	keyAPIVersions         = 18
	codeUnsupportedVersion = 35
)

var errShort = errors.New("client: response is cut short")

// AppendRequest appends the whole frame of req, length included, in the version
// set on it.
func AppendRequest(dst []byte, correlationID int32, clientID string, req kmsg.Request) []byte {
	// The formatter writes the length at the start of what it is given.
	return append(dst, kmsg.NewRequestFormatter(kmsg.FormatterClientID(clientID)).
		AppendRequest(nil, req, correlationID)...)
}

// CorrelationID returns the correlation id of a response frame (without its length).
func CorrelationID(frame []byte) (int32, error) {
	if len(frame) < 4 {
		return 0, errShort
	}
	return int32(binary.BigEndian.Uint32(frame)), nil
}

// DecodeResponse decodes a response frame (without its length) to req. An
// ApiVersions response in error 35 comes in version 0, whatever was asked.
func DecodeResponse(frame []byte, req kmsg.Request) (kmsg.Response, error) {
	if len(frame) < 4 {
		return nil, errShort
	}
	body := frame[4:]
	resp := req.ResponseKind()
	resp.SetVersion(req.GetVersion())
	switch {
	case req.Key() == keyAPIVersions:
		if len(body) >= 2 && binary.BigEndian.Uint16(body) == codeUnsupportedVersion {
			resp.SetVersion(0)
		}
	case req.IsFlexible():
		// We never send tagged fields in the header; a client must not be lenient here.
		if len(body) == 0 || body[0] != 0 {
			return nil, fmt.Errorf("client: response header of key %d has no empty tags", req.Key())
		}
		body = body[1:]
	}
	if err := resp.ReadFrom(body); err != nil {
		return nil, fmt.Errorf("client: response of key %d, version %d: %w",
			req.Key(), resp.GetVersion(), err)
	}
	return resp, nil
}
