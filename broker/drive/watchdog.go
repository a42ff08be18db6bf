package drive

import (
	"runtime"
	"strings"
	"time"

	"example.com/lockstep/broker/env"
)

// watch is the watchdog: it looks at every loop a few times per TurnWarn.
func (n *Node) watch() {
	ticker := time.NewTicker(n.cfg.TurnWarn / 4)
	defer ticker.Stop()
	warned := make([]int64, len(n.runners))
	lastLook := bootTime()
	var gapBegan env.Instant // when the process last stopped running
	var gap time.Duration    // for how long
	for {
		select {
		case <-n.stop:
			return
		case <-ticker.C:
		}
		// If the process did not run at all (SIGSTOP, a suspended machine), that time does
		// not count as a stuck loop.
		now := bootTime()
		if now.Sub(lastLook) > n.cfg.TurnWarn {
			gapBegan, gap = lastLook, now.Sub(lastLook)
		}
		lastLook = now
		for i, r := range n.runners {
			since := r.busySince.Load()
			if since == 0 {
				continue
			}
			stuck := time.Duration(int64(now) - since)
			if since <= int64(gapBegan) {
				stuck -= gap
			}
			if stuck >= n.cfg.TurnWarn && warned[i] != since {
				warned[i] = since
				n.cfg.Report("watchdog: loop %d has been in one turn for %v, at %s\n%s%s",
					i, stuck, &r.present, n.waitsText(n.cfg.TurnWarn/4), stacks())
			}
			if stuck >= n.cfg.TurnFatal {
				n.cfg.Report("watchdog: loop %d is stuck for %v: ending the process so that the "+
					"cluster takes over", i, stuck)
				n.cfg.Exit(1)
			}
		}
	}
}

// waitsText prints for a report what the loops wait for.
func (n *Node) waitsText(timeout time.Duration) string {
	var b strings.Builder
	for _, line := range Explain(n.Waits(timeout)) {
		b.WriteString(line)
		b.WriteByte('\n')
	}
	return b.String()
}

func stacks() []byte {
	buf := make([]byte, 1<<20)
	return buf[:runtime.Stack(buf, true)]
}
