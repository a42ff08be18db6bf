package netsimtest

import (
	"testing"

	"example.com/lockstep/netsim"
)

// World is two hosts that can reach each other.
type World interface {
	// Host is the network of host 0 or 1.
	Host(i int) netsim.Network
	// AnyPort is an address of a host at which Listen chooses the port.
	AnyPort(i int) string
	// NoListener is an address of a host at which nothing listens.
	NoListener(i int) string
	// Until lets the world run until cond holds. It looks again after each
	// signal on changed, and reports false if cond does not become true in
	// time.
	Until(changed <-chan struct{}, cond func() bool) bool
	// Settle lets everything that is under way arrive.
	Settle()
}

// Run runs the suite. open makes a new world, which ends with the test.
func Run(t *testing.T, open func(t *testing.T) World) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, s *scene)
	}{
		{"1 no method blocks on a peer that takes nothing", methodsReturn},
		{"2 events come in order and one at a time", eventsInOrder},
		{"3 a dial that succeeds is told Connected once and first", dialConnects},
		{"3 a dial that fails is told Closed with ErrRefused and no more", dialRefused},
		{"3 a dial closed at once is told nothing", dialAbandoned},
		{"3 the peer of a close is told Closed once", peerCloseTold},
		{"3 an owner hears nothing after Close", silenceAfterClose},
		{"3 an owner hears only Closed after CloseAfterSend", onlyClosedAfterDrain},
		{"3 a dial with CloseAfterSend delivers and ends with Closed", drainBeforeConnected},
		{"4 received bytes belong to the receiver forever", receivedIsOurs},
		{"4 chunk borders carry no meaning", bordersMeanNothing},
		{"5 no more than RecvWindow is delivered without credit", windowHolds},
		{"5 any credit brings more", anyCreditHelps},
		{"5 credit given early is not lost", earlyCreditKept},
		{"5 a parked receiver loses nothing", parkedLosesNothing},
		{"5 more credit than was delivered is a bug", creditIsChecked},
		{"6 slices arrive in order, empty ones too", slicesInOrder},
		{"6 bytes sent before Connected arrive", sendsBeforeConnected},
		{"6 Send is full only beyond SendWindow", fullBeyondWindow},
		{"6 Writable follows full once, after room was made", writableOnce},
		{"7 a close cuts the stream to a prefix", closeLeavesPrefix},
		{"7 CloseAfterSend sends everything that is queued", drainSendsAll},
		{"7 CloseAfterSend ends although the peer goes on sending", drainAgainstTalk},
		{"8 what is sent after Ended arrives", answersAfterEnded},
		{"8 Close after Ended ends the connection", closeAfterEnded},
		{"8 CloseAfterSend sends everything although the peer has ended", drainSurvivesEnd},
		{"8 without Serve the end of the peer closes the connection", endClosesOthers},
		{"9 silence is not reported", silenceUnreported},
		{"Listen hands connections to its sinks in turn", sinksInTurn},
		{"Listen fails on an address in use", listenInUse},
		{"Serve bounds the connections", termsBoundConnections},
		{"Serve bounds the connections of an address", termsBoundAddresses},
		{"a closed listener accepts no more and leaves its connections open", listenerCloses},
		{"names: ids are unique, addresses are the peer's", names},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := &scene{t: t, world: open(t), changed: make(chan struct{}, 1)}
			test.run(t, s)
			s.mu.Lock()
			defer s.mu.Unlock()
			for _, complaint := range s.complaints {
				t.Error(complaint)
			}
		})
	}
}
