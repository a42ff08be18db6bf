package main

import (
	"fmt"
	"strings"
	"time"
)

// table collects what the clients have noticed.
type table struct {
	aim    time.Duration
	rows   []*row
	notes  []string
	missed int
}

// row is one line: all runs of a case with a client.
type row struct {
	fault, node, client string
	slowest             []string
	records, errors     int
}

func newTable(aim time.Duration) *table { return &table{aim: aim} }

// add takes the result of one run. Only Lockstep can miss the aim.
func (t *table) add(fault string, controller bool, client string, r result) {
	node := "a leader"
	if controller {
		node = "leader and controller"
	}
	row := t.row(fault, node, client)
	row.records += r.records
	row.errors += r.errors
	mark := ""
	if (r.slowest > t.aim || r.errors > 0 || r.records == 0) &&
		!strings.Contains(fault, "Apache Kafka") {
		t.missed++
		mark = " MISSED"
	}
	row.slowest = append(row.slowest, seconds(r.slowest)+mark)
	fmt.Printf("%s, %s, %s: slowest %v%s, %d errors, %d records\n", fault, node, client, r.slowest,
		mark, r.errors, r.records)
}

// busy takes the result of a client of busy brokers: its errors matter, not how slow it was.
func (t *table) busy(fault, client string, r result) {
	row := t.row(fault, "all", client)
	row.records, row.errors = r.records, r.errors
	row.slowest = []string{seconds(r.slowest)}
	if r.errors > 0 || r.records == 0 {
		t.missed++
	}
}

// killed notes whether a busy broker was killed.
func (t *table) killed(fault string, node int, killed bool) {
	text := "not killed"
	if killed {
		text = "KILLED"
		t.missed++
	}
	t.notes = append(t.notes, fmt.Sprintf("%s: node %d was %s", fault, node, text))
}

func (t *table) row(fault, node, client string) *row {
	for _, r := range t.rows {
		if r.fault == fault && r.node == node && r.client == client {
			return r
		}
	}
	r := &row{fault: fault, node: node, client: client}
	t.rows = append(t.rows, r)
	return r
}

func (t *table) print() {
	fmt.Println("\n| fault | node | client | slowest acknowledgement | errors | records |")
	fmt.Println("|---|---|---|---|---:|---:|")
	for _, r := range t.rows {
		fmt.Printf("| %s | %s | %s | %s | %d | %d |\n", r.fault, r.node, r.client,
			strings.Join(r.slowest, ", "), r.errors, r.records)
	}
	for _, n := range t.notes {
		fmt.Println(n)
	}
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }
