package virtual_test

import (
	"fmt"
	"testing"
	"time"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/netsim"
	"example.com/lockstep/netsim/netsimtest"
	"example.com/lockstep/netsim/virtual"
)

// world is the suite's two hosts inside a fabric.
type world struct {
	sched  netsimtest.Scheduler
	fabric *virtual.Fabric
}

func newWorld(cfg virtual.Config, seed uint64) *world {
	w := &world{}
	w.fabric = virtual.New(cfg, &w.sched, env.NewRand(seed, 0))
	return w
}

func (w *world) Host(i int) netsim.Network { return w.fabric.Host(fmt.Sprint("n", i)) }
func (w *world) AnyPort(i int) string      { return fmt.Sprintf("n%d:0", i) }
func (w *world) NoListener(i int) string   { return fmt.Sprintf("n%d:1", i) }
func (w *world) Settle()                   { w.sched.RunFor(10 * time.Minute) }

func (w *world) Until(_ <-chan struct{}, cond func() bool) bool { return w.sched.RunUntil(cond) }

func TestConformance(t *testing.T) {
	slow := virtual.DefaultConfig()
	slow.Link = virtual.Shape{
		Latency: 40 * time.Millisecond, Jitter: 80 * time.Millisecond, Bandwidth: 10 << 20,
	}
	slow.AbortPercent = 0
	shredding := virtual.DefaultConfig()
	shredding.Link.Cut = virtual.Cut{OneByte: 300, Tiny: 300, Any: 400}
	shredding.AbortPercent = 100
	for _, variant := range []struct {
		name  string
		cfg   virtual.Config
		seeds uint64
	}{
		{"default", virtual.DefaultConfig(), 3},
		{"slow", slow, 1},
		{"shredding", shredding, 1},
	} {
		for seed := range variant.seeds {
			t.Run(fmt.Sprint(variant.name, seed), func(t *testing.T) {
				netsimtest.Run(t, func(*testing.T) netsimtest.World {
					return newWorld(variant.cfg, seed)
				})
			})
		}
	}
}
