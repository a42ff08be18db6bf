// Command contract asks Lockstep and Apache Kafka the same, with several clients, and compares.
// It prints a table: case, client, both answers. It fails where they differ and no reason is
// stated in reasons. conformance/contract/run.sh starts both brokers.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// reasons say why the answers of a case differ. A key is the beginning of "client: case".
var reasons = []struct{ key, why string }{
	{"raw: uncompressed: offsets with a gap", "Kafka stores offsets that records do not have"},
	{"raw: snappy: offsets with a gap", refused}, {"raw: gzip: offsets with a gap", refused},
	{"raw: lz4: offsets with a gap", refused}, {"raw: zstd: offsets with a gap", refused},
	{"raw: gzip: junk", refused}, {"raw: gzip: cut", refused}, {"raw: snappy: junk", refused},
	{"raw: snappy: cut", refused}, {"raw: snappy: S2", refused}, {"raw: lz4: junk", refused},
	{"raw: lz4: cut", refused}, {"raw: zstd: junk", refused}, {"raw: zstd: cut", refused},
	{"raw: no batch", "Kafka closes the connection; here an error answers"},
	{"raw: setting min.cleanable.dirty.ratio=NaN", "it is no ratio"},
	{"raw: setting leader.replication", throttled},
	{"raw: setting follower.replication", throttled},
}

const (
	refused   = "both refuse; Kafka does not say why (UNKNOWN_SERVER_ERROR)"
	throttled = "replication is not throttled here, so nothing may ask for it"
)

type client struct {
	name    string
	command []string // the address and the prefix of topics follow
}

func main() {
	lockstep := flag.String("lockstep", "", "address of a Lockstep broker")
	apache := flag.String("apache", "", "address of an Apache Kafka broker")
	bin := flag.String("bin", "", "folder of the programs raw, franz and sarama")
	jars := flag.String("jars", "", "folder with the jars of Kafka's Java client")
	python := flag.String("python", "python3", "a Python with confluent-kafka")
	flag.Parse()
	here := filepath.Join("conformance", "contract")
	clients := []client{
		{"raw", []string{filepath.Join(*bin, "raw")}},
		{"franz-go", []string{filepath.Join(*bin, "franz")}},
		{"sarama", []string{filepath.Join(*bin, "sarama")}},
		{"librdkafka", []string{*python, filepath.Join(here, "librdkafka.py")}},
		{"Java", []string{"java", "-cp", filepath.Join(*jars, "*"),
			"-Dorg.slf4j.simpleLogger.defaultLogLevel=off",
			filepath.Join(here, "java", "Contract.java")}},
	}
	prefix := fmt.Sprintf("c%d", time.Now().Unix())
	unexplained := 0
	fmt.Println("| case | client | Lockstep | Apache Kafka | |\n|---|---|---|---|---|")
	for _, c := range clients {
		ours, theirs := c.answers(*lockstep, prefix), c.answers(*apache, prefix)
		if len(ours.order) == 0 || len(ours.order) != len(theirs.order) {
			fmt.Printf("%s: %d cases here, %d there\n", c.name, len(ours.order), len(theirs.order))
			unexplained++
		}
		for _, name := range ours.order {
			note := ""
			if ours.of[name] != theirs.of[name] {
				if note = reason(c.name + ": " + name); note == "" {
					note = "DIFFERS"
					unexplained++
				}
			}
			fmt.Printf("| %s | %s | %s | %s | %s |\n",
				name, c.name, ours.of[name], theirs.of[name], note)
		}
	}
	if unexplained > 0 {
		fmt.Printf("%d answers differ without a reason\n", unexplained)
		os.Exit(1)
	}
}

func reason(name string) string {
	for _, r := range reasons {
		if strings.HasPrefix(name, r.key) {
			return r.why
		}
	}
	return ""
}

type answers struct {
	order []string
	of    map[string]string
}

func (c *client) answers(addr, prefix string) answers {
	cmd := exec.Command(c.command[0], append(c.command[1:], addr, prefix)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s against %s: %v\n", c.name, addr, err)
	}
	a := answers{of: map[string]string{}}
	for line := range strings.Lines(string(out)) {
		if name, outcome, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t"); ok {
			a.order = append(a.order, name)
			a.of[name] = outcome
		}
	}
	return a
}
