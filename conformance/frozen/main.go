// Command frozen measures what the clients of a cluster notice when the process of a broker
// freezes (SIGSTOP), when one of its loops never ends a turn, and when its disk never answers.
// franz-go, librdkafka and the Java client produce steadily, with acks=all and their defaults. A
// table has the slowest acknowledgement that each has seen, and its errors. The brokers are
// processes of lockstep serve --supervise. The last case makes them busy with slow disks, and
// nothing may be killed.
//
//	go run ./conformance/frozen --python PYTHON --runs 3 --apache
//
// It needs Maven, Java and a Python with confluent-kafka. The cases with a disk need root and
// zram: the data of each broker is on a file system of its own, in memory. One is stalled by
// fsfreeze, and all are slow by the throttle of a control group (blkio).
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

type options struct {
	basePort int
	dir      string
	cases    string
	python   string
	jars     string
	java     string // of the programs below
	bin      string
	self     string
	apache   bool
	runs     int
	every    time.Duration
	before   time.Duration
	hold     time.Duration
	after    time.Duration
	aim      time.Duration
	busy     time.Duration
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == franzArgument {
		if err := franz(os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	var o options
	flag.IntVar(&o.basePort, "base-port", 21600, "the first of 100 ports")
	flag.StringVar(&o.dir, "dir", "", "directory for the clusters (default: a temporary one; "+
		"a tmpfs keeps out the disk of the machine)")
	flag.StringVar(&o.cases, "cases", "frozen,loop,disk,busy", "which cases, in this order")
	flag.StringVar(&o.python, "python", "python3", "a Python with confluent-kafka")
	flag.StringVar(&o.jars, "jars", "", "folder with Apache Kafka's jars (default: Maven's)")
	flag.BoolVar(&o.apache, "apache", false, "freeze brokers of Apache Kafka, too")
	flag.IntVar(&o.runs, "runs", 3, "runs of each case: with the controller, and with others")
	flag.DurationVar(&o.every, "every", 10*time.Millisecond, "time between two records")
	flag.DurationVar(&o.before, "before", 3*time.Second, "load before the fault")
	flag.DurationVar(&o.hold, "hold", 20*time.Second, "how long a fault lasts")
	flag.DurationVar(&o.after, "after", 5*time.Second, "load after it")
	flag.DurationVar(&o.aim, "aim", 4500*time.Millisecond, "the slowest acknowledgement allowed")
	flag.DurationVar(&o.busy, "busy", 3*time.Minute, "how long the last case lasts")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	missed, err := run(ctx, o)
	if err != nil || missed > 0 {
		fmt.Fprintf(os.Stderr, "frozen: %d measurements miss the aim: %v\n", missed, err)
		os.Exit(1)
	}
}

// run prints a table, and returns how many of its lines miss the aim.
func run(ctx context.Context, o options) (missed int, err error) {
	if o.dir == "" {
		if o.dir, err = os.MkdirTemp("", "frozen"); err != nil {
			return 0, err
		}
		defer os.RemoveAll(o.dir)
	}
	if err := o.build(); err != nil {
		return 0, err
	}
	t := newTable(o.aim)
	for name := range strings.SplitSeq(o.cases, ",") {
		k, ok := kinds()[name]
		if !ok {
			return 0, fmt.Errorf("there is no case %q", name)
		}
		if err := k.run(ctx, o, t, false); err != nil {
			return t.missed, fmt.Errorf("%s: %w", name, err)
		}
		if o.apache && k.apache {
			if err := k.run(ctx, o, t, true); err != nil {
				return t.missed, fmt.Errorf("%s, Apache Kafka: %w", name, err)
			}
		}
	}
	t.print()
	return t.missed, nil
}

// build makes the programs and finds the jars.
func (o *options) build() (err error) {
	if o.self, err = os.Executable(); err != nil {
		return err
	}
	o.bin = filepath.Join(o.dir, "lockstep")
	if err := command("go", "build", "-o", o.bin, "./cmd/lockstep"); err != nil {
		return err
	}
	if o.jars == "" {
		o.jars = filepath.Join(o.dir, "jars")
		if err := command("mvn", "-q", "-B", "-f", "conformance/contract/java/pom.xml",
			"dependency:copy-dependencies", "-DoutputDirectory="+o.jars); err != nil {
			return err
		}
	}
	o.java = filepath.Join(o.dir, "java")
	return command("javac", "-cp", filepath.Join(o.jars, "*"), "-d", o.java,
		"conformance/frozen/Load.java")
}

func command(name string, args ...string) error {
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, out)
	}
	return nil
}
