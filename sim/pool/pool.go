package pool

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"example.com/lockstep/sim"
	"example.com/lockstep/sim/plan"
	"example.com/lockstep/sim/property"
	"example.com/lockstep/sim/recording"
	"example.com/lockstep/sim/scenario"
	"example.com/lockstep/sim/world"
)

// A worker reads jobs as JSON lines and answers each with a JSON line.

// Job asks a worker for one run.
type Job struct {
	Scenario string     `json:"scenario"`
	Seed     uint64     `json:"seed"`
	Plan     *plan.Plan `json:"plan,omitempty"` // nil: drawn from scenario and seed
	// TextFrom and TextUpTo ask for the text of these records of the trace. States
	// asks for what the turns among them changed in the states of their loops.
	TextFrom uint64      `json:"text_from,omitempty"`
	TextUpTo uint64      `json:"text_up_to,omitempty"`
	Fork     *world.Fork `json:"fork,omitempty"`
	// Milestones asks for the turning points of a run that passes, too.
	Milestones bool `json:"milestones,omitempty"`
	// Report is a file for the page about the run, which then runs twice. Record says
	// what the page keeps in detail.
	Report string            `json:"report,omitempty"`
	Record recording.Options `json:"record"`
	States bool              `json:"states,omitempty"`
}

// RegressionJobs are the runs of a regression. All of them must pass.
func RegressionJobs(r *scenario.Regression) (jobs []Job) {
	if r.Plan != nil {
		return []Job{{Scenario: r.Plan.Scenario, Seed: r.Plan.Seed, Plan: r.Plan}}
	}
	for _, seed := range r.Seeds {
		jobs = append(jobs, Job{Scenario: r.Scenario, Seed: seed})
	}
	return jobs
}

// JobResult answers a Job.
type JobResult struct {
	Result world.Result `json:"result"`
	Text   []string     `json:"text,omitempty"`
	// Milestones are all turning points, if the job asked for them.
	Milestones []world.Milestone `json:"milestones,omitempty"`
	States     []world.TurnState `json:"states,omitempty"`
}

// RunJob runs a job in this process.
func RunJob(job Job) JobResult {
	plan, err := job.Plan, error(nil)
	if plan == nil {
		plan, err = sim.NewPlan(job.Scenario, job.Seed)
	}
	var out JobResult
	var text strings.Builder
	if err == nil && job.Report != "" {
		out.Result, err = sim.ReportPlan(plan, job.Record, job.Report)
	} else if err == nil {
		o := world.Options{TextFrom: job.TextFrom, TextUpTo: job.TextUpTo, Fork: job.Fork}
		if job.Milestones {
			o.Milestones = func(m world.Milestone) { out.Milestones = append(out.Milestones, m) }
		}
		if job.TextUpTo > 0 {
			o.Text = &text
		}
		if job.States {
			o.TurnStates = func(s world.TurnState) { out.States = append(out.States, s) }
		}
		out.Result, err = sim.RunPlan(plan, o)
	}
	if err != nil {
		return JobResult{Result: failedJob(job, property.JobRuns, err.Error(), err.Error())}
	}
	if text.Len() > 0 {
		out.Text = strings.Split(strings.TrimSuffix(text.String(), "\n"), "\n")
	}
	return out
}

func failedJob(job Job, property, symptom, detail string) world.Result {
	r := world.Result{
		Seed: job.Seed, Scenario: job.Scenario, Trace: strings.Repeat("0", 16), Verdict: world.Fail,
		Failures: []world.Failure{{Property: property, Detail: detail, Symptom: symptom}},
	}
	r.Fingerprint = r.Failures[0].Fingerprint()
	return r
}

// ServeJobs is the main loop of a worker. It ends when its input ends.
func ServeJobs(in io.Reader, out io.Writer) error {
	jobs, results := json.NewDecoder(in), json.NewEncoder(out)
	for {
		var job Job
		if err := jobs.Decode(&job); err == io.EOF {
			return nil
		} else if err != nil {
			return fmt.Errorf("sim: read job: %w", err)
		}
		if err := results.Encode(RunJob(job)); err != nil {
			return fmt.Errorf("sim: answer job: %w", err)
		}
	}
}

// WorkerVariable, when set, makes a program that calls ServeIfWorker a worker.
const WorkerVariable = "LOCKSTEP_SIM_WORKER"

// workerGCPercent lets the heap of a worker grow to five times its live data between two
// garbage collections. With Go's default of 100 a run takes about a sixth more CPU time.
const workerGCPercent = 400

// ServeIfWorker serves jobs in a process that a [Pool] has started, and then ends the
// process. In any other process it returns at once. Call it first in main and in
// TestMain.
func ServeIfWorker() {
	if os.Getenv(WorkerVariable) == "" {
		return
	}
	// Ctrl-C reaches all processes of the foreground group. The parent decides what it
	// means. If a worker died of it, its run would count as failed.
	signal.Ignore(os.Interrupt)
	if os.Getenv("GOGC") == "" { // the determinism check sets it
		debug.SetGCPercent(workerGCPercent)
	}
	if err := ServeJobs(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// Pool runs jobs in worker processes.
type Pool struct {
	// Program and Args start a worker; Program "" is the running program itself.
	Program string
	Args    []string
	Env     []string      // is added to the environment of this process
	Workers int           // processes; 0 means 1
	Timeout time.Duration // real time that one run may take; 0 means ten minutes
}

// Run runs the jobs and returns their results in the order of the jobs. report, if
// not nil, is called for each job as it ends, one call at a time.
func (p *Pool) Run(jobs []Job, report func(Job, JobResult)) []JobResult {
	results := make([]JobResult, len(jobs))
	next := 0
	p.stream(context.Background(), func() (int, Job, bool) {
		if next == len(jobs) {
			return 0, Job{}, false
		}
		next++
		return next - 1, jobs[next-1], true
	}, func(i int, job Job, r JobResult) {
		results[i] = r
		if report != nil {
			report(job, r)
		}
	})
	return results
}

// Stream runs the jobs that next returns, until there are no more or ctx is done. In the
// second case the runs under way are killed and not reported. Calls of next and report
// do not overlap.
func (p *Pool) Stream(ctx context.Context, next func() (Job, bool), report func(Job, JobResult)) {
	p.stream(ctx, func() (int, Job, bool) {
		job, ok := next()
		return 0, job, ok
	}, func(_ int, job Job, r JobResult) { report(job, r) })
}

func (p *Pool) stream(ctx context.Context, next func() (int, Job, bool),
	report func(int, Job, JobResult)) {
	var mu sync.Mutex
	take := func() (int, Job, bool) {
		mu.Lock()
		defer mu.Unlock()
		if ctx.Err() != nil {
			return 0, Job{}, false
		}
		return next()
	}
	var wg sync.WaitGroup
	for range max(p.Workers, 1) {
		wg.Go(func() {
			w := worker{pool: p}
			defer w.close()
			for {
				i, job, ok := take()
				if !ok {
					return
				}
				r := w.run(ctx, job)
				mu.Lock()
				if ctx.Err() == nil {
					report(i, job, r)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
}

// worker is one worker process. It is started when it is first needed, and again after
// it has died.
type worker struct {
	pool   *Pool
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	stderr *tail
}

// run runs a job. If the worker dies or hangs, the result is a run that failed. When ctx
// ends the worker is killed.
func (w *worker) run(ctx context.Context, job Job) JobResult {
	if w.cmd == nil {
		if err := w.start(); err != nil {
			return JobResult{Result: failedJob(job, property.WorkerStarts, "", err.Error())}
		}
	}
	timeout := w.pool.Timeout
	if timeout == 0 {
		timeout = 10 * time.Minute
	}
	process := w.cmd.Process
	watchdog := time.AfterFunc(timeout, func() { _ = process.Kill() })
	defer context.AfterFunc(ctx, func() { _ = process.Kill() })()
	var out JobResult
	err := json.NewEncoder(w.in).Encode(job)
	if err == nil {
		var line []byte
		if line, err = w.out.ReadBytes('\n'); err == nil {
			err = json.Unmarshal(line, &out)
		}
	}
	hung := !watchdog.Stop()
	if err != nil {
		w.close()
		symptom := "it hung" // part of the failure's fingerprint
		if !hung {
			symptom = w.stderr.String() // a crash report begins with its cause
		}
		return JobResult{Result: failedJob(job, property.WorkerLives, symptom,
			fmt.Sprintf("%v; killed for taking more than %s: %t; stderr:\n%s", err, timeout, hung,
				w.stderr))}
	}
	return out
}

func (w *worker) start() error {
	program := w.pool.Program
	if program == "" {
		var err error
		if program, err = os.Executable(); err != nil {
			return err
		}
	}
	cmd := exec.Command(program, w.pool.Args...)
	cmd.Env = append(append(os.Environ(), w.pool.Env...), WorkerVariable+"=1")
	w.stderr = &tail{}
	cmd.Stderr = w.stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	w.cmd, w.in, w.out = cmd, in, bufio.NewReaderSize(out, 1<<16)
	return nil
}

func (w *worker) close() {
	if w.cmd == nil {
		return
	}
	_ = w.in.Close() // the worker's loop ends with its input
	_ = w.cmd.Wait()
	w.cmd = nil
}

// tail keeps the beginning and the end of what a worker writes to stderr: a crash
// report begins with its cause and ends with the goroutine.
type tail struct{ head, last bytes.Buffer }

const tailSize = 8 << 10

func (t *tail) Write(p []byte) (int, error) {
	n := len(p)
	if room := tailSize - t.head.Len(); room > 0 {
		k := min(room, len(p))
		t.head.Write(p[:k])
		p = p[k:]
	}
	t.last.Write(p)
	if over := t.last.Len() - tailSize; over > 0 {
		t.last.Next(over)
	}
	return n, nil
}

func (t *tail) String() string { return t.head.String() + "\n" + t.last.String() }
