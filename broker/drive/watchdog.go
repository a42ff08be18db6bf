package drive

import (
	"runtime"
	"strings"
	"time"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/event"
)

// watch is the watchdog: it looks at every loop a few times per TurnWarn.
func (n *Node) watch() {
	ticker := time.NewTicker(n.cfg.TurnWarn / 4)
	defer ticker.Stop()
	warned := make([]int64, len(n.runners))
	lastLook := BootTime()
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
		now := BootTime()
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
				n.cfg.Log.Explained(event.New(event.LoopSlow, event.Int("loop", i),
					event.Duration("for", stuck), event.Text("at", r.present.String())),
					n.waitsText(n.cfg.TurnWarn/4)+string(stacks()))
			}
			if stuck >= n.cfg.TurnFatal {
				n.cfg.Log.Write(event.New(event.LoopStuck, event.Int("loop", i),
					event.Duration("for", stuck)))
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
