// Package looptest hosts one loop for transcripts: scripts of what happens to a loop, with what the
// loop does printed below each step, in words. They are in testdata/transcripts of the loop's
// package, and are made for reading. Production code does not import this package.
//
// A transcript is a file of github.com/cockroachdb/datadriven. This is a produce with
// acks=all at a leader with one follower:
//
//	produce acks=all values=(a,b)
//	----
//	disk ← write and sync 4 KiB of shard-1/1.wal at 8192
//	node 2 ← push t/0 epoch 0: base 0 after epoch -1, watermark 0: a b
//
//	disk-done
//	----
//
//	ack from=2 end=2
//	----
//	client 1 ← produce t/0: base 0
//
// A line says what goes where: an answer to a client, a message to a node, an operation to the
// disk, mail to another loop. No line means that the loop did nothing that can be seen from
// outside. Nothing happens without a command: operations of the disk complete, answers of other
// nodes arrive and time passes by command only, so that a transcript is the same on every machine.
//
// # To add a transcript
//
// Write the comment first: what is shown, and why it matters. Then write the commands, each with
// its separator and nothing below it. The test that runs them lists the commands (TestTranscripts
// in broker/shard and broker/node). Let the test fill in the rest:
//
//	go test ./broker/shard -run Transcripts/NAME -rewrite
//
// Read every line of the result. A transcript asserts only what somebody has read. Keep it to one
// idea, and show times only where they matter.
//
// # When one fails
//
// The difference shows what the loop does now and did not do before, or the other way round. If the
// change is intended, rewrite, read the difference in review, and correct the comments.
//
// # What is here
//
//	Host       a loop's host: its mailbox, its clock and its turns
//	Disk       a disk that completes operations on command; it outlives processes
//	Network    connections; the script is their other end
//	Client     a Kafka client on such a connection
//	Cluster    metadata made from lines, and the names of topics and nodes
//	Trace      the lines
//
// # What is left out
//
// Opening, closing and listing of files, pings, renewals of leases, and messages of the Raft
// library: they are many, and say little. Zeros before the numbers of log files are left out, and a
// directory of a partition is printed with the name of its topic.
package looptest
