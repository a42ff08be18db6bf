package tcp_test

import (
	"fmt"
	"testing"

	"example.com/lockstep/netsim"
	"example.com/lockstep/netsim/tcp"
)

// BenchmarkEcho sends messages back and forth over one connection, with a
// number of them under way. The sinks do what loops would do, so this is the
// cost of the network alone: two sockets, four goroutines.
func BenchmarkEcho(b *testing.B) {
	for _, size := range []int{100, 1000} {
		for _, depth := range []int{1, 64} {
			b.Run(fmt.Sprintf("size=%d/depth=%d", size, depth), func(b *testing.B) {
				echo(b, size, depth)
			})
		}
	}
}

func echo(b *testing.B, size, depth int) {
	server, client := tcp.New(), tcp.New()
	defer server.Close()
	defer client.Close()
	l, err := server.Listen("127.0.0.1:0", func(ev netsim.Event) {
		if ev.Kind == netsim.Received {
			ev.Conn.Send(ev.Data)
			ev.Conn.Consumed(len(ev.Data))
		}
	})
	if err != nil {
		b.Fatal(err)
	}
	message := make([]byte, size)
	received, sent, total := 0, 0, b.N*size
	done := make(chan struct{})
	b.ReportAllocs()
	b.SetBytes(int64(size))
	b.ResetTimer()
	client.Dial(l.Addr(), func(ev netsim.Event) {
		received += len(ev.Data)
		for sent < total && sent-received/size*size < depth*size {
			ev.Conn.Send(message)
			sent += size
		}
		if ev.Kind == netsim.Received {
			ev.Conn.Consumed(len(ev.Data))
		}
		if received == total && ev.Kind != netsim.Closed {
			close(done)
		}
	})
	<-done
}

// BenchmarkStream sends one way in large slices, as replication and fetches do.
func BenchmarkStream(b *testing.B) {
	server, client := tcp.New(), tcp.New()
	defer server.Close()
	defer client.Close()
	done := make(chan struct{})
	const size = 256 << 10
	received := 0
	l, err := server.Listen("127.0.0.1:0", func(ev netsim.Event) {
		received += len(ev.Data)
		if ev.Kind == netsim.Received {
			ev.Conn.Consumed(len(ev.Data))
			if received == b.N*size {
				close(done)
			}
		}
	})
	if err != nil {
		b.Fatal(err)
	}
	piece := make([]byte, size)
	sent := 0
	b.SetBytes(size)
	b.ReportAllocs()
	client.Dial(l.Addr(), func(ev netsim.Event) {
		for ev.Kind != netsim.Closed && sent < b.N {
			sent++
			if ev.Conn.Send(piece) {
				return // the Writable event calls this again
			}
		}
	})
	<-done
}
