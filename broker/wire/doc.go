// Package wire turns the bytes of the Kafka protocol into messages and back: frames, the
// table of versions, request and response headers, and codecs.
//
// kmsg (of franz-go) knows the layout of every message. This package adds the rules that
// kmsg does not know (KAFKA 1 to 11, docs/kafka.md). It refuses requests that would make
// kmsg allocate or loop by a count on the wire (PROTOCOL 34). It codes the two hot paths,
// Produce and Fetch, by hand, so that record batches are never copied.
//
// # The way of a request
//
//	chunks -> Framer -> frame -> ParseRequest -> Request{Key, Version, ..., Body}
//	                                  |                |
//	                                  |                +-> DecodeProduce  (Produce)
//	                                  |                +-> Request.Decode (others: as kmsg)
//	                                  +-> *UnsupportedVersionError: see below
//
// An answer is made by [AppendResponse] from a kmsg response, by [AppendProduceResponse],
// or by [EncodeFetchResponse]. Each of them returns whole frames, length included, ready
// for netsim's Send.
//
// An *UnsupportedVersionError for ApiVersions is answered with [AppendApiVersionsTooNew].
// After every other error of this package the connection is closed, since the bytes
// cannot be understood (KAFKA 4).
//
// # Buffers
//
// A [Framer] owns the chunks given to it, and returns each byte in one frame only: a
// frame belongs to the caller of Next. The records of a ProduceRequest and Request.Body
// are sub-slices of the frame. Typed kmsg requests copy their strings, but byte fields
// and unknown tags may share the frame's memory. EncodeFetchResponse returns the record
// slices that it was given: they must not change until the network is done with them.
//
// # Limits
//
// A frame has at most the size given to the Framer, and at most [MaxOtherFrame] if it is
// not a Produce. A partial frame uses at most four times the bytes that have arrived.
// Requests are walked by their shape before kmsg decodes them, so that kmsg allocates in
// proportion to the frame.
//
// # Not here
//
// Record batches (package batch), the meaning of requests (package api), SASL, and the
// messages between brokers (package peer, which shares only the Framer).
package wire
