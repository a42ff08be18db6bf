// Package drive is the production driver: it hosts the loops of one node on
// goroutines, with a real clock, and hands them events from real sockets and
// disks. It is the only place under broker/ with goroutines, locks and clocks,
// and it holds no state of the broker. sim's host is its counterpart: the two
// are to be read side by side.
//
// A loop's goroutine takes all events that have arrived, up to a bound, steps
// them in order, ends the turn, and sleeps until the next event or timer.
//
// The watchdog reports a turn that exceeds a bound with the stacks of all
// goroutines and the event the loop is at; past a second bound it ends the
// process, so that the cluster takes over: a node that hangs must not look alive.
package drive
