// Package checker is the judge: it takes the history of one run, as data, and
// says which of the properties P1 to P13 it breaks.
//
// A [History] holds what clients did and were told (operations, with the
// moments of call and return) and what the simulator saw from inside (facts:
// watermarks, leaderships, final logs, counters). [Run] applies every checker
// in a fixed order and returns a [Report]; [Check] applies one.
//
// What one more event can break is judged as it happens, too: a [Watch] is given
// events one by one and uses the predicates that Run uses at the end.
//
// How it judges. Where acknowledged offsets give the order, a checker is a
// linear pass. Where they do not (the metadata registry, the end of a log with
// ambiguous appends), Porcupine searches, without a wall-clock timeout: a
// search is bounded by counts of operations and of steps, so that the verdict
// is the same on every machine.
//
// Verdicts. Pass and Fail say what they say. Unknown means that the evidence,
// or the bound on a search, did not suffice: it is never a pass. Vacuous means
// that the history held nothing that the property speaks about; a harness that
// relies on a property should require that it was not vacuous.
//
// What recorders owe:
//   - every produce to the judged partitions is recorded, each attempt as its
//     own operation, and each record carries a value that is unique in the run;
//   - [Partition].Topic names an identity that is never reused (the topic's
//     UUID), while [Admin].Topic is the name;
//   - moments are totally ordered by (At, Seq); equal moments count as
//     concurrent, which can hide a violation but never invents one;
//   - a [Coverage] flag is set only if that stream of facts is complete.
//
// The judge shares no code with the accused: nothing under broker/ is imported
// and the few nouns needed are defined again here. A History is not changed by
// checking it, may be kept by the caller, and round-trips through JSON.
//
// Deliberately absent: liveness, which the simulator's stall report judges, and
// clocks.
package checker
