// Package event is what a node tells its operator: the event log. An event has a name, and fields
// with its cause and its extent. A loop hands events to its host (loop.Host.Log). In production the
// host writes a line for each (broker/drive). In the simulator the host keeps them for the summary
// of a failed run and for checks; they are not part of any loop's state or of the trace hash
// (PROTOCOL 37).
//
// # To write a line
//
//	host.Log(event.New(event.BrokerFenced,
//		event.Int("broker", id), event.Text("cause", "no heartbeat"), event.Duration("after", d)))
//
// Write one line for each change of state that an operator cares about: where it begins, with its
// cause, and where it ends, with how long it lasted. Write nothing for what happens all the time:
// an idle healthy cluster writes no lines. A change that concerns many partitions is one line with
// their number and a few of their names ([Few]), never a line for each.
//
// Name the event in the table of this package, with its level and what it means; docs/operation.md
// has the same sentence. A name is short, and does not change: operators search for it.
//
// The first field is the subject: the broker, the partition, the peer that the event is about. If
// it is a duration or the number of partitions, all events of the name have one subject. A
// [Limiter] counts the events of one name about one subject. Past a bound it writes one line a
// minute with repeated=N, where N is the number of events that were not written. So code need not
// ask whether it has said the same before.
//
// Levels: [Info] is for what belongs to normal operation, [Warn] for what degrades service or is
// about to, [Error] for what needs a person.
//
// # Owners
//
// An event is plain data that does not change after it is made. Loops, hosts and goroutines may
// share it.
package event
