// Package campaign runs very many seeds of many scenarios, remembers which ones have
// been run, and sums up what they reached. Its command is `lockstep sim`.
//
// # What is in a campaign's directory
//
//	campaign.json         what the campaign is: build, scenarios, seeds, shard
//	journal.jsonl         one line per finished run; synced every few seconds
//	corpus.json           the seeds that reached something new, and those that failed
//	summary.json .html    the results; the HTML refers to nothing outside the directory
//	<scenario>-<seed>.*   the result (.json) and the report (.txt, .html) of a failed run
//
// The same campaign, run again, continues its directory: the journal says which seeds
// are done. Another build, or other seeds, are refused, since their runs would not be
// comparable.
//
// # Which seed runs what
//
// [Deal] makes a list of n scenarios, some of them several times. Seed s runs scenario
// s mod n of the list. So the run of a seed depends neither on the range of seeds nor
// on the shard. The shards of one range are disjoint and cover it ([Shard]).
//
// # When a campaign fails
//
// A campaign fails if a run fails. It also fails if a coverage mark (package
// broker/mark) was never hit although [Options].Marks demands all of them.
//
//	campaign.go  the runs, and when to stop
//	deal.go      seeds, shards, scenarios
//	journal.go   the directory
//	merge.go     several directories as one
//	tally.go     sums over all runs
//	summary.go   the summary; html.go page.html: as a page
package campaign
