package sim_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"example.com/lockstep/sim"
	"example.com/lockstep/sim/recording"
	"example.com/lockstep/sim/world"
)

// failingPage runs a scenario with a planted failure and writes the page about it. All syncs take
// the same time, so followers answer a push after the leader's own sync: the chain of an
// acknowledgement leads through them.
func failingPage(t *testing.T) (file string, result world.Result) {
	plan, err := sim.NewPlan("planted-stale-end", 1)
	require.NoError(t, err)
	plan.Disk.SyncJitter, plan.Disk.SpikeOneIn, plan.Disk.Spike = 0, 0, 0
	file = filepath.Join(t.TempDir(), "page.html")
	result, err = sim.ReportPlan(plan, recording.Options{}, file)
	require.NoError(t, err)
	require.Equal(t, world.Fail, result.Verdict)
	return file, result
}

func TestAPageRefersToNothingOutside(t *testing.T) {
	file, _ := failingPage(t)
	page, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Less(t, len(page), 8<<20)
	outside := regexp.MustCompile(`(?:src|href)\s*=\s*"([^"]*)"|url\(([^)]*)\)` +
		`|@import|\bimport\(|\bfetch\(`)
	for _, reference := range outside.FindAllStringSubmatch(string(page), -1) {
		require.Contains(t, []string{"data:,", "page.porcupine.html"}, reference[1]+reference[2],
			reference[0])
	}
	require.FileExists(t, strings.TrimSuffix(file, ".html")+".porcupine.html")
}

// browser is a headless Chromium. Without one the test is skipped, except in CI, where it
// fails: in CI nobody looks for skipped tests.
func browser(t *testing.T) (ctx context.Context) {
	var program string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome",
		"google-chrome-stable"} {
		if path, err := exec.LookPath(name); err == nil {
			program = path
			break
		}
	}
	if program == "" {
		const missing = "no Chromium: the page about a failure is not tested (Debian: apt-get " +
			"install chromium)"
		if os.Getenv("CI") == "true" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program),
		chromedp.NoSandbox, chromedp.WindowSize(1440, 900))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	require.NoError(t, chromedp.Do(ctx, chromedp.EmulateViewport(1440, 900)))
	return ctx
}

// drawnThings is what lanes.js reports to have drawn.
type drawnThings struct{ Lanes, Turns, Flows, Faults, Points int }

func TestAPageShowsTheFailureInABrowser(t *testing.T) {
	file, result := failingPage(t)
	ctx := browser(t)
	var said []string
	messages, quiet := chromedp.Console(ctx), make(chan struct{})
	go func() {
		defer close(quiet)
		for message, err := range messages {
			if err != nil {
				return
			}
			said = append(said, message.String())
		}
	}()
	do := func(actions ...chromedp.Action[chromedp.Void]) {
		t.Helper()
		require.NoError(t, chromedp.Do(ctx, actions...))
	}
	do(chromedp.Navigate("file://"+file), chromedp.WaitReady("#operations"))

	text := func(selector string) string {
		t.Helper()
		s, err := chromedp.Run(ctx,
			chromedp.Evaluate[string](`document.querySelector("`+selector+`").innerText`))
		require.NoError(t, err)
		return s
	}
	number := func(script string) int {
		t.Helper()
		n, err := chromedp.Run(ctx, chromedp.Evaluate[int](script))
		require.NoError(t, err)
		return n
	}
	drawn := func() (d drawnThings) {
		t.Helper()
		// The page draws before the next frame.
		_, err := chromedp.Run(ctx,
			chromedp.Evaluate[bool](`new Promise(done =>
				requestAnimationFrame(() => requestAnimationFrame(() => done(true))))`,
				chromedp.EvalAwaitPromise))
		require.NoError(t, err)
		d, err = chromedp.Run(ctx,
			chromedp.Evaluate[drawnThings](`({
				Lanes: drawn.lanes, Turns: drawn.turns, Flows: drawn.flows,
				Faults: drawn.faults, Points: drawn.points})`))
		require.NoError(t, err)
		return d
	}

	// The page names what broke and the command that replays it.
	require.Contains(t, text("#property"), result.Failures[0].Property)
	require.Contains(t, text("#sentence"), result.Failures[0].Where)
	require.Equal(t, result.ReplayCommand(), text("#replay"))
	require.Contains(t, text("#summary"), "freeze")
	require.Contains(t, result.Report(), "answer to ListOffsets",
		"the long report has the causal chains too")

	// All lanes, the fault and the charts are drawn, and there are pixels.
	whole := drawn()
	require.Equal(t, number(`data.lanes.length`), whole.Lanes)
	require.Positive(t, whole.Faults)
	require.Positive(t, whole.Points)
	require.Greater(t, number(`(() => {
		const c = document.getElementById("lanes");
		const pixels = c.getContext("2d").getImageData(0, 0, c.width, c.height).data;
		let n = 0;
		for (let i = 3; i < pixels.length; i += 4) if (pixels[i]) n++;
		return n;
	})()`), 5000)

	// The operations of the violation come first. A click on one shows its chain.
	require.Equal(t, 0, number(`document.querySelectorAll("#chain li").length`))
	do(chromedp.Click(`#operations li:first-child .marked`))
	require.Greater(t, number(`document.querySelectorAll("#chain li").length`), 2)
	chain := text("#chain")
	require.Contains(t, chain, "Produce")
	require.Contains(t, chain, "push t0/")
	require.Contains(t, chain, "answer to Produce")
	near := drawn()
	require.Positive(t, near.Turns)
	require.Greater(t, near.Flows, 2)
	require.Equal(t, 1,
		number(`document.querySelectorAll("#operations .marked[aria-pressed=true]").length`))

	// Keys: Escape hides the chain, 0 shows the whole run.
	span := text("#span")
	press := func(key string) {
		t.Helper()
		_, err := chromedp.Run(ctx,
			chromedp.Evaluate[bool](`document.activeElement.blur(),
				document.dispatchEvent(new KeyboardEvent("keydown",
					{key: "`+key+`", bubbles: true})), true`))
		require.NoError(t, err)
	}
	press("Escape")
	require.Equal(t, 0, number(`document.querySelectorAll("#chain li").length`))
	press("0")
	drawn()
	require.NotEqual(t, span, text("#span"))

	// A filter finds operations.
	_, err := chromedp.Run(ctx,
		chromedp.Evaluate[bool](`(byId("filter").value = "produce acked",
			byId("filter").dispatchEvent(new Event("input")), true)`))
	require.NoError(t, err)
	require.Positive(t, number(`document.querySelectorAll("#operations li").length`))

	require.NoError(t, chromedp.Cancel(ctx))
	<-quiet
	require.Empty(t, said, "the page writes to the console")
}

func TestAPageSaysWhatWaitsForWhat(t *testing.T) {
	for seed := range uint64(30) {
		plan, err := sim.NewPlan("toy-lost-wakeup", seed)
		require.NoError(t, err)
		file := filepath.Join(t.TempDir(), "page.html")
		result, err := sim.ReportPlan(plan, recording.Options{Turns: 1000}, file)
		require.NoError(t, err)
		if result.Stall == nil {
			continue
		}
		page, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Contains(t, string(page), `<div id="stall">`)
		require.Contains(t, string(page), "What waits for what")
		require.Contains(t, strings.Join(result.Summary(""), "\n"),
			"1. "+result.Stall.Chains[0].Text[0])
		return
	}
	t.Fatal("no seed stalls")
}
