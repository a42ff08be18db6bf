package tcp

import (
	"net"
	"sync"

	"example.com/lockstep/netsim"
)

// door counts the open connections of a listener and keeps its terms. A nil door has none.
type door struct {
	terms netsim.Terms
	left  chan struct{} // a connection has left since awaitRoom looked

	mu     sync.Mutex
	open   int
	byAddr map[string]int // counted only if the terms bound them
}

func newDoor(terms netsim.Terms) *door {
	return &door{terms: terms, left: make(chan struct{}, 1), byAddr: map[string]int{}}
}

// awaitRoom waits until one more connection may be accepted. It returns false when stop is closed.
func (d *door) awaitRoom(stop <-chan struct{}) bool {
	for d.full() {
		select {
		case <-d.left:
		case <-stop:
			return false
		}
	}
	return true
}

func (d *door) full() bool {
	if d == nil || d.terms.Connections == 0 {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.open >= d.terms.Connections
}

// enter counts a connection; false if there are too many from its address.
func (d *door) enter(remote string) bool {
	if d == nil {
		return true
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.terms.PerAddress > 0 {
		host := hostOf(remote)
		if d.byAddr[host] >= d.terms.PerAddress {
			return false
		}
		d.byAddr[host]++
	}
	d.open++
	return true
}

// leave takes back what enter counted.
func (d *door) leave(remote string) {
	if d == nil {
		return
	}
	d.mu.Lock()
	d.open--
	if d.terms.PerAddress > 0 {
		host := hostOf(remote)
		if d.byAddr[host]--; d.byAddr[host] == 0 {
			delete(d.byAddr, host)
		}
	}
	d.mu.Unlock()
	select {
	case d.left <- struct{}{}:
	default:
	}
}

func hostOf(remote string) string {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		return remote
	}
	return host
}
