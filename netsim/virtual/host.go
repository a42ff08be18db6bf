package virtual

import (
	"fmt"
	"net"
	"strconv"

	"example.com/lockstep/netsim"
)

const firstEphemeralPort = 32768

// host is a machine: its power, its listeners and its ends of connections.
type host struct {
	fabric      *Fabric
	name        string
	incarnation int
	down        bool // without power: packets to it are held until Restart
	refusing    bool
	listeners   map[int]*listener // by port; looked up, never iterated
	conns       []*conn           // the live ends, oldest first
	lastPort    int
}

// network is the netsim.Network of one incarnation of a host.
type network struct {
	host        *host
	incarnation int
}

var _ netsim.Network = (*network)(nil)

type listener struct {
	host     *host
	serves   bool // it is one of Serve, with terms
	terms    netsim.Terms
	port     int
	sinks    []netsim.Sink
	accepted int
}

// Listen implements netsim.Network. The host part of addr may be empty,
// "0.0.0.0" or the host's own name.
func (n *network) Listen(addr string, sinks ...netsim.Sink) (netsim.Listener, error) {
	return n.listen(&listener{}, addr, sinks)
}

// Serve implements netsim.Network. A connection beyond the terms is refused, where Linux would
// let it wait.
func (n *network) Serve(
	addr string, terms netsim.Terms, sinks ...netsim.Sink,
) (netsim.Listener, error) {
	return n.listen(&listener{serves: true, terms: terms}, addr, sinks)
}

func (n *network) listen(l *listener, addr string, sinks []netsim.Sink) (netsim.Listener, error) {
	h := n.host
	port, err := h.bindable(addr)
	switch {
	case err != nil:
	case len(sinks) == 0:
		err = fmt.Errorf("no sinks")
	case n.incarnation != h.incarnation || h.down:
		err = fmt.Errorf("host has crashed")
	case port == 0:
		port = h.freePort()
	case h.listeners[port] != nil:
		err = fmt.Errorf("address already in use")
	}
	if err != nil {
		return nil, fmt.Errorf("virtual: listen %s on %s: %w", addr, h.name, err)
	}
	l.host, l.port, l.sinks = h, port, append([]netsim.Sink(nil), sinks...)
	h.listeners[port] = l
	return l, nil
}

// Dial implements netsim.Network.
func (n *network) Dial(addr string, sink netsim.Sink) netsim.Conn {
	h, f := n.host, n.host.fabric
	c := f.newConn(h, nil, addr, sink, dialling)
	if n.incarnation != h.incarnation || h.down {
		c.phase = gone
		return c
	}
	f.stats.Dials++
	h.conns = append(h.conns, c)
	name, port, err := splitAddr(addr)
	to := f.hosts[name]
	if err == nil && to == nil {
		err = fmt.Errorf("no such host")
	}
	if err != nil {
		f.after(0, "net "+h.name+" dial", func() {
			c.end(fmt.Errorf("virtual: dial %s: %w: %w", addr, netsim.ErrRefused, err))
		})
		return c
	}
	c.out, c.in = f.link(h, to), f.link(to, h)
	c.dialPort, c.localAddr = port, h.name+":"+strconv.Itoa(h.freePort())
	c.launch(packet{kind: syn})
	f.after(f.cfg.ConnectTimeout.draw(c.out.rand), c.out.labelTimer, c.connectTimeout)
	return c
}

func (l *listener) Addr() string { return l.host.name + ":" + strconv.Itoa(l.port) }

func (l *listener) Close() {
	if l.open() {
		delete(l.host.listeners, l.port)
	}
}

// admits reports whether the terms allow one more connection from an address.
func (l *listener) admits(remote string) bool {
	if l.terms == (netsim.Terms{}) {
		return true
	}
	all, same := 0, 0
	name, _, _ := splitAddr(remote)
	for _, c := range l.host.conns {
		if c.door == l {
			all++
			if other, _, _ := splitAddr(c.remote); other == name {
				same++
			}
		}
	}
	if l.terms.Connections > 0 && all >= l.terms.Connections ||
		l.terms.PerAddress > 0 && same >= l.terms.PerAddress {
		l.host.fabric.stats.Beyond++
		return false
	}
	return true
}

func (l *listener) open() bool { return l.host.listeners[l.port] == l }

// next is the sink of the connection that is being accepted.
func (l *listener) next() netsim.Sink {
	sink := l.sinks[l.accepted%len(l.sinks)]
	l.accepted++
	return sink
}

func (h *host) bindable(addr string) (int, error) {
	name, port, err := splitAddr(addr)
	if err == nil && name != "" && name != "0.0.0.0" && name != h.name {
		err = fmt.Errorf("not an address of this host")
	}
	return port, err
}

// freePort returns a port that was not used before, as long as there are any.
func (h *host) freePort() int {
	for {
		h.lastPort++
		if h.lastPort > 65535 {
			h.lastPort = firstEphemeralPort
		}
		if h.listeners[h.lastPort] == nil {
			return h.lastPort
		}
	}
}

func splitAddr(addr string) (string, int, error) {
	name, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", 0, err
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return "", 0, fmt.Errorf("port %q is not a number", port)
	}
	return name, int(n), nil
}
