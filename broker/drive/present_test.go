package drive

import (
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/loop"
	"example.com/lockstep/diskfs"
	"example.com/lockstep/netsim"
)

// numbered is a connection that has only a number.
type numbered struct {
	netsim.Conn
	id netsim.ConnID
}

func (n numbered) ID() netsim.ConnID  { return n.id }
func (n numbered) RemoteAddr() string { return "127.0.0.1:1" }

func TestAnEventIsDescribedByWhatItWas(t *testing.T) {
	var p present
	require.Equal(t, "the end of its turn", p.String())
	for _, test := range []struct {
		event loop.Event
		want  string
	}{
		{
			loop.Event{Kind: loop.Net, Net: netsim.Event{
				Kind: netsim.Received, Conn: numbered{id: 9}, Data: make([]byte, 70),
			}},
			"network event 3 of connection 9, 70 bytes",
		},
		{
			loop.Event{Kind: loop.Disk, Disk: diskfs.Completion{
				Kind: diskfs.Sync, Owner: 7, Token: 42,
			}},
			"completion of disk operation sync, owner 7, token 42",
		},
		{loop.Event{Kind: loop.Mail, From: loop.Outside, Mail: "hi"}, "mail string from loop -1"},
		{loop.Event{Kind: loop.Mail, From: 2, Mail: 5}, "mail int from loop 2"},
	} {
		p.set(&test.event)
		test.event = loop.Event{} // as the loop clears the slot
		require.Equal(t, test.want, p.String())
	}
	p.clear()
	require.Equal(t, "the end of its turn", p.String())
}

// The slot of an event is cleared and reused while somebody describes what the loop is at.
func TestALoopCanBeDescribedWhileItRuns(t *testing.T) {
	const events = 20000
	done := make(chan struct{})
	n, _ := startScripts(t, &script{step: func(_ *script, ev *loop.Event) {
		if ev.Kind == loop.Net && ev.Net.Kind == netsim.Closed {
			close(done)
		}
	}})
	box := n.runners[0].box
	go func() {
		for i := range events {
			box.put(loop.Event{Kind: loop.Net, Net: netsim.Event{
				Kind: netsim.Received, Conn: numbered{id: netsim.ConnID(i)},
			}})
			box.put(mail(i))
		}
		box.put(loop.Event{Kind: loop.Net, Net: netsim.Event{Kind: netsim.Closed}})
	}()
	for {
		n.Waits(0) // without time for an answer: it describes the turn
		select {
		case <-done:
			return
		default:
		}
	}
}
