// Package campaign runs very many seeds of many scenarios, remembers what has
// been run, and tells what was reached: `lockstep sim` is its command.
//
// # What is in a campaign's directory
//
//	campaign.json         what the campaign is: build, scenarios, seeds, shard
//	journal.jsonl         one line per finished run; synced in portions
//	corpus.json           the seeds that brought new coverage, and those that failed
//	summary.json .html    what came of it; the HTML is one file without references
//	<scenario>-<seed>.*   the result (.json) and the report (.txt, .html) of a failed run
//
// A directory is continued by running the same campaign again: the journal says
// which seeds are done. Another build, or other seeds, are refused, since their
// runs would not be comparable.
//
// # Which seed runs what
//
// Seed s of a campaign runs scenario s mod n of the n that were dealt, so that
// the run of a seed depends neither on the range nor on the shard: shards of one
// range are disjoint and cover it ([Shard]).
//
// # When a campaign fails
//
// When a run fails; and when a coverage mark (package broker/mark) was never hit
// though the campaign is of a kind that should hit all ([Options].Marks).
//
//	campaign.go  running, and when to stop
//	deal.go      seeds, shards, scenarios
//	journal.go   the directory
//	merge.go     several directories as one
//	tally.go     what the runs add up to
//	summary.go   what is told of it; html.go page.html: as a page
package campaign
