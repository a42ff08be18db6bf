// Package checker judges runs: it takes the history of one run, as data, and
// says which of the properties P1 to P13 it breaks.
//
// A [History] holds what clients did and were told (operations, with the
// moments of call and return) and what the simulator recorded inside the nodes
// (facts: watermarks, leaderships, final logs, counters). [Run] applies every
// checker in a fixed order and returns a [Report]; [Check] applies one.
//
// Some properties can be judged while the run goes on: a [Watch] is given
// events one by one and uses the same predicates as Run.
//
// How it judges. Where acknowledged offsets give the order, a checker is a
// linear pass. Where they do not (the metadata registry, the end of a log with
// ambiguous appends), Porcupine searches for an order. Counts of operations and
// steps bound the search, not a timeout, so that the verdict is the same on
// every machine.
//
// Verdicts. Pass: the property holds. Fail: it is broken. Unknown: there was
// not enough evidence, or a search exceeded its bound; this is never a pass.
// Vacuous: the history held nothing that the property is about. A harness that
// relies on a property should require that its verdict is not Vacuous.
//
// What a recorder must do:
//   - it records every produce to the judged partitions, each attempt as its
//     own operation, and each record carries a value that is unique in the run;
//   - [Partition].Topic names an identity that is never reused (the topic's
//     UUID), while [Admin].Topic is the name;
//   - moments are totally ordered by (At, Seq); equal moments count as
//     concurrent, which can hide a violation but never invents one;
//   - a [Coverage] flag is set only if that stream of facts is complete.
//
// The checker shares no code with the broker: it imports nothing under broker/
// and defines the few nouns that it needs again. A check does not change a
// History. The caller may keep it, and it survives a round trip through JSON.
//
// Deliberately absent: clocks, and liveness, which the simulator's stall report
// judges.
package checker
