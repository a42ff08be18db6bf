package rawkafka

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Conn is one connection to one broker.
type Conn struct {
	conn      net.Conn
	formatter *kmsg.RequestFormatter
	next      int32 // correlation id of the next request
	awaited   []pending
}

type pending struct {
	id      int32
	request kmsg.Request
}

// Dial connects to a broker.
func Dial(addr string, timeout time.Duration) (*Conn, error) {
	conn, err := net.DialTimeout("tcp", addr, timeout)
	if err != nil {
		return nil, err
	}
	return &Conn{
		conn: conn, formatter: kmsg.NewRequestFormatter(kmsg.FormatterClientID("conformance")),
	}, nil
}

// Close ends the connection.
func (c *Conn) Close() { c.conn.Close() }

// Send sends a request without waiting for its answer. The request's version
// must be set.
func (c *Conn) Send(request kmsg.Request, timeout time.Duration) error {
	frame := c.formatter.AppendRequest(nil, request, c.next)
	if err := c.conn.SetWriteDeadline(time.Now().Add(timeout)); err != nil {
		return err
	}
	if _, err := c.conn.Write(frame); err != nil {
		return err
	}
	c.awaited = append(c.awaited, pending{c.next, request})
	c.next++
	return nil
}

// Receive reads the answer to the oldest request that has none.
func (c *Conn) Receive(timeout time.Duration) (kmsg.Response, error) {
	if err := c.conn.SetReadDeadline(time.Now().Add(timeout)); err != nil {
		return nil, err
	}
	var size [4]byte
	if _, err := io.ReadFull(c.conn, size[:]); err != nil {
		return nil, err
	}
	frame := make([]byte, binary.BigEndian.Uint32(size[:]))
	if _, err := io.ReadFull(c.conn, frame); err != nil {
		return nil, err
	}
	oldest := c.awaited[0]
	c.awaited = c.awaited[1:]
	if id := int32(binary.BigEndian.Uint32(frame)); id != oldest.id {
		return nil, fmt.Errorf("rawkafka: got the answer to request %d instead of %d",
			id, oldest.id)
	}
	body := frame[4:]
	const apiVersions = 18 // its answer has no tags in its header
	if oldest.request.IsFlexible() && oldest.request.Key() != apiVersions {
		body = body[1:] // no tags are defined
	}
	response := oldest.request.ResponseKind()
	response.SetVersion(oldest.request.GetVersion())
	if err := response.ReadFrom(body); err != nil {
		return nil, fmt.Errorf("rawkafka: answer to request %d of key %d: %w",
			oldest.id, oldest.request.Key(), err)
	}
	return response, nil
}

// Ask sends a request and waits for its answer.
func (c *Conn) Ask(request kmsg.Request, timeout time.Duration) (kmsg.Response, error) {
	if err := c.Send(request, timeout); err != nil {
		return nil, err
	}
	return c.Receive(timeout)
}

// Forget says that the newest request without an answer gets none: it is a produce without acks.
func (c *Conn) Forget() { c.awaited = c.awaited[:len(c.awaited)-1] }
