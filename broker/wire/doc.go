// Package wire is the edge between bytes and meaning of the Kafka protocol:
// frames, the table of versions, request and response headers, and codecs.
//
// kmsg (of franz-go) knows the layout of every message; this package knows the
// rules that kmsg does not (KAFKA 1 to 11, docs/kafka.md), refuses what would make
// kmsg allocate or loop by a count on the wire (PROTOCOL 34), and codes by hand
// the two hot paths, Produce and Fetch, so that record batches are never copied.
//
// # The way of a request
//
//	chunks -> Framer -> frame -> ParseRequest -> Request{Key, Version, ..., Body}
//	                                  |                |
//	                                  |                +-> DecodeProduce  (Produce)
//	                                  |                +-> Request.Decode (all else: a kmsg request)
//	                                  +-> *UnsupportedVersionError: see below
//
// An answer is [AppendResponse] of a kmsg response, [AppendProduceResponse], or
// [EncodeFetchResponse]; each yields whole frames, length included, ready for
// netsim's Send.
//
// An *UnsupportedVersionError for ApiVersions is answered with
// [AppendApiVersionsTooNew]; every other error of this package means that the
// bytes are not ours to understand, and the connection is closed (KAFKA 4).
//
// # Buffers
//
// A [Framer] owns the chunks given to it and hands each byte on exactly once:
// a frame belongs to whoever took it. ProduceRequest.Records and Request.Body
// are sub-slices of the frame and live as long as it does; typed kmsg requests
// copy their strings but byte fields and unknown tags may alias the frame.
// EncodeFetchResponse passes record slices through: they must not change until
// the network is done with them.
//
// # Limits
//
// A frame is at most the size given to the Framer; all but Produce at most
// [MaxOtherFrame]. A partial frame holds at most four times the bytes that have
// arrived. Requests are walked by their shape before kmsg sees them, so that
// what kmsg allocates is proportional to the frame.
//
// # Not here
//
// Record batches (package batch), what requests mean (package api), SASL, and
// the messages between brokers (package peer, which shares only the Framer).
package wire
