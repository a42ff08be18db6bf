// Package client is the other end of package wire, for the simulated clients. It encodes
// requests and decodes responses of every key that kmsg has.
//
// It uses only kmsg and the protocol's rules for headers. It uses nothing of package
// wire, so that a mistake there is not repeated here. Decoded slices may share the
// frame's memory. The package trusts the broker's counts: a simulated client need not
// protect its memory.
package client

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	KeyAPIVersions         = 18
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

// DecodeResponse decodes a response frame (without its length) that answers req. An
// ApiVersions response with error 35 is in version 0, in whichever version the request
// was.
func DecodeResponse(frame []byte, req kmsg.Request) (kmsg.Response, error) {
	if len(frame) < 4 {
		return nil, errShort
	}
	body := frame[4:]
	resp := req.ResponseKind()
	resp.SetVersion(req.GetVersion())
	switch {
	case req.Key() == KeyAPIVersions:
		if len(body) >= 2 && binary.BigEndian.Uint16(body) == codeUnsupportedVersion {
			resp.SetVersion(0)
		}
	case req.IsFlexible():
		// The brokers never send tagged fields in the header, and this client must notice
		// if one does.
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
