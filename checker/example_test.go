package checker_test

import (
	"fmt"
	"time"

	"example.com/lockstep/checker"
)

func ms(n int) checker.Moment { return checker.Moment{At: time.Duration(n) * time.Millisecond} }

// A record is acknowledged and is missing from the log of a replica that was in
// sync: the report says so in one sentence and shows the history that proves it.
func ExampleRun() {
	orders := checker.Partition{Topic: "orders", Index: 0}
	h := &checker.History{
		Produces: []checker.Produce{
			{Client: 1, Call: ms(10), Return: ms(14), Partition: orders,
				Producer: checker.NoProducer, Values: []checker.Value{101}, Acks: checker.AcksAll,
				Outcome: checker.Acked, Base: 0},
			{Client: 2, Call: ms(12), Return: ms(19), Partition: orders,
				Producer: checker.NoProducer, Values: []checker.Value{202}, Acks: checker.AcksAll,
				Outcome: checker.Acked, Base: 1},
		},
		Logs: []checker.ReplicaLog{
			{At: ms(90), Partition: orders, Node: 1, InISR: true, Watermark: 2,
				Entries: []checker.Entry{{Offset: 0, Value: 101}, {Offset: 1, Value: 202}}},
			{At: ms(90), Partition: orders, Node: 2, InISR: true, Watermark: 1,
				Entries: []checker.Entry{{Offset: 0, Value: 101}}},
		},
	}
	report := checker.Run(h)
	fmt.Println(report.Sentence())
	for _, line := range report.Excerpt {
		fmt.Println(line)
	}
	// Output:
	// P1 lost-write: v202 was acknowledged (acks=all) at offset 1 of orders/0, but the final log of in-sync node 2 holds nothing there
	// [12ms, 19ms] client 2 produce orders/0 v202 acks=-1 → acked at offset 1
	// 90ms final log of orders/0 on node 2 (in sync): offsets 0 to 1, watermark 1
}

// Without a later look at an acknowledged record the verdict is Unknown, and
// Unknown is not a pass.
func ExampleReport_OK() {
	report := checker.Run(&checker.History{Produces: []checker.Produce{{
		Call: ms(1), Return: ms(2), Partition: checker.Partition{Topic: "orders"},
		Producer: checker.NoProducer, Values: []checker.Value{7}, Acks: checker.AcksAll,
		Outcome: checker.Acked, Base: 0,
	}}})
	fmt.Println(report.OK(), report.Verdict())
	fmt.Println(report.Sentence())
	// Output:
	// false unknown
	// P1 unknown: v7 was acknowledged at offset 0 of orders/0 and no later fetch looked for it
}
