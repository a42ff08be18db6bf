// Package drive is the production driver: it hosts the loops of one node on goroutines, with a
// real clock, and gives them events from real sockets and disks. It is the only place under
// broker/ with goroutines, locks and clocks, and it holds no state of the broker. Its counterpart
// is the simulator's host: read the two side by side.
//
// The goroutine of a loop takes the events that have arrived, at most a bound, steps them in order,
// ends the turn, and sleeps until the next event or timer. What is beyond the bound is for the next
// turn, so that timers and heartbeats are not late however many events arrive.
//
// The watchdog reports a turn that takes longer than a bound, with the event that the loop is at
// and the stacks of all goroutines. When the turn exceeds a second bound, the watchdog ends the
// process, so that the cluster takes over: a node that hangs must not look alive.
//
// Explain and the Text of LoopWaits print what the loops wait for, for /debug/waits and for the
// watchdog.
package drive
