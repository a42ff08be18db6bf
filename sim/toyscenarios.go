package sim

// toyScenarios run the toy: in good health, and with each of its planted bugs.
var toyScenarios = []Scenario{
	{Name: "toy", About: "a replicated set under every fault", Draw: drawToy(toyNoBug), New: newToy},
	{Name: "toy-calm", About: "the same without faults, at full speed", Draw: drawToyCalm, New: newToy},
	{Name: "toy-map-range", About: "planted: order of a map", Draw: drawToy(toyMapRange), New: newToy, Planted: true},
	{Name: "toy-early-ack", About: "planted: acknowledged before durable", Draw: drawToy(toyEarlyAck), New: newToy, Planted: true},
	{Name: "toy-stamp-late", About: "planted: a sent buffer is changed", Draw: drawToy(toyStampLate), New: newToy, Planted: true},
	{Name: "toy-lost-wakeup", About: "planted: a lost peer is never dialled again", Draw: drawToy(toyLostWakeup), New: newToy, Planted: true},
	{Name: "toy-panic", About: "planted: an assertion breaks", Draw: drawToy(toyPanic), New: newToy, Planted: true},
	{Name: "toy-coin", About: "planted: a toss of a coin decides", Draw: drawToyCoin, New: newToy, Planted: true},
	{Name: "toy-stop", About: "planted: a node stops itself", Draw: drawToy(toyStop), New: newToy, Planted: true},
	{Name: "toy-rewrite-disk", About: "planted: a submitted buffer is changed", Draw: drawToy(toyRewriteDisk), New: newToy, Planted: true},
}
