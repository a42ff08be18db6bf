package scenario

import (
	"example.com/lockstep/sim/toy"
)

// toyScenarios run the toy: without a bug, and with each of its planted bugs.
var toyScenarios = []Scenario{
	{Name: "toy", About: "a replicated set under every kind of fault", Draw: toy.Draw(toy.NoBug),
		New: toy.New},
	{Name: "toy-calm", About: "the same without faults, at full speed", Draw: toy.DrawCalm,
		New: toy.New},
	{Name: "toy-map-range", About: "planted: the order of a map decides",
		Draw: toy.Draw(toy.MapRange), New: toy.New, Planted: true},
	{Name: "toy-early-ack", About: "planted: acknowledged before durable",
		Draw: toy.Draw(toy.EarlyAck), New: toy.New, Planted: true},
	{Name: "toy-stamp-late", About: "planted: a sent buffer is changed",
		Draw: toy.Draw(toy.StampLate), New: toy.New, Planted: true},
	{Name: "toy-lost-wakeup", About: "planted: a node never dials a lost peer again",
		Draw: toy.Draw(toy.LostWakeup), New: toy.New, Planted: true},
	{Name: "toy-panic", About: "planted: an assertion breaks", Draw: toy.Draw(toy.Panic),
		New: toy.New, Planted: true},
	{Name: "toy-coin", About: "planted: one random choice decides", Draw: toy.DrawCoin,
		New: toy.New, Planted: true},
	{Name: "toy-stop", About: "planted: a node stops itself", Draw: toy.Draw(toy.Stop),
		New: toy.New, Planted: true},
	{Name: "toy-rewrite-disk", About: "planted: a submitted buffer is changed",
		Draw: toy.Draw(toy.RewriteDisk), New: toy.New, Planted: true},
}
