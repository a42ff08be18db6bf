// Package looptest hosts one loop for transcripts: scripts of what happens to a loop,
// with what it does printed below each step, in words. They are in testdata/transcripts
// of the package that has the loop, and read as prose. Production code does not import it.
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
// A line says what goes where: a client gets an answer, a node a message, the disk an
// operation, another loop mail. No line means that the loop did nothing that can be seen
// from outside. Nothing happens that the script does not say: operations of the disk
// complete, answers of other nodes arrive and time passes by command only, so that a
// transcript is the same on every machine.
//
// # To add a transcript
//
// Write the comment first: what is shown, and why it matters. Then the commands, each
// with its separator and nothing below it; they are listed at the test that runs them
// (TestTranscripts in broker/shard and broker/node). Let the test fill in the rest:
//
//	go test ./broker/shard -run Transcripts/NAME -rewrite
//
// Read every line of the result. A transcript is an assertion only because somebody has
// read it once. Keep it to one idea, and show times only where they are the point.
//
// # When one fails
//
// The difference shows what the loop does now and did not do before, or the other way
// round. If it is meant, rewrite, read the difference in review, and correct the comments.
//
// # What is here
//
//	Host       a loop's host: its mailbox, its clock and its turns
//	Disk       a disk that completes operations on command; it outlives processes
//	Network    connections whose other end is the script
//	Client     a Kafka client on such a connection
//	Cluster    metadata made from lines, and what topics and nodes are called
//	Trace      the lines
//
// # What is left out
//
// Opening, closing and listing of files, pings, renewals of leases, messages of the Raft
// library: they are many, and say little. Zeros in front of the numbers of log files are
// left out, and directories of partitions have the names of their topics.
package looptest
