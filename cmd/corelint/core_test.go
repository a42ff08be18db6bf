package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// core returns the messages for code in a core package.
func core(t *testing.T, code string) []string {
	t.Helper()
	return lint(t, "broker/wal", "x.go", "package p\n"+code)
}

func TestConcurrencyIsRejectedInTheCore(t *testing.T) {
	for _, c := range []struct {
		code string
		want []string
	}{
		{
			`func f() { go f() }`,
			[]string{"go statement in the core: a loop is single-threaded; send mail"},
		},
		{`var x chan int`, []string{"channel type in the core: use mail"}},
		{`func f(x <-chan int) {}`, []string{"channel type"}},
		{`func f() { _ = make(chan int) }`, []string{"channel type"}},
		{`type x = chan int; func f(c x) { c <- 1 }`,
			[]string{"channel type", "channel send in the core: use loop.Host.TrySend"}},
		{`type x = chan int; func f(c x) { <-c }`,
			[]string{"channel type", "channel receive in the core: events come to loop.Loop.Step"}},
		{`type x = chan int; func f(c x) { for range c {} }`,
			[]string{"channel type", "range over a channel"}},
		{`func f() { select {} }`, []string{"select in the core"}},
	} {
		wants(t, core(t, c.code), c.want...)
		require.Empty(t, lint(t, "broker/drive", "x.go", "package p\n"+c.code))
		require.Empty(t, lint(t, "broker/wal", "x_test.go", "package p\n"+c.code))
	}
}

func TestClockIsRejectedInTheCore(t *testing.T) {
	for _, c := range []struct{ code, want string }{
		{`import "time"; var x = time.Now()`,
			"time.Now in the core: use the env.Time given to Step"},
		{`import "time"; var x time.Time`, "time.Time in the core: use env.Instant"},
		{`import "time"; func f() { time.Sleep(1) }`,
			"time.Sleep in the core: use a timer of the loop"},
		{`import "time"; var x = time.Tick`, "time.Tick in the core: use a timer of the loop"},
		{`import "time"; var x = time.ParseDuration`,
			"time.ParseDuration in the core: use one of Duration, Nanosecond"},
		{`import clock "time"; func f() { clock.Sleep(1) }`, "time.Sleep in the core"},
		{`import . "time"; func f() { Sleep(1) }`, "time.Sleep in the core"},
	} {
		got := core(t, c.code)
		require.NotEmpty(t, got, c.code)
		require.Contains(t, got[0], c.want)
	}
	require.Empty(t,
		core(t, `import "time"; const x time.Duration = 3 * time.Second; var y = x.String()`))
}

func TestOutputIsRejectedInTheCore(t *testing.T) {
	for _, c := range []struct{ code, want string }{
		{`import "fmt"; func f() { fmt.Println() }`,
			"fmt.Println in the core: use a returned value"},
		{`import "fmt"; func f() { fmt.Printf("") }`,
			"fmt.Printf in the core: use a returned value"},
		{`import "fmt"; func f() { fmt.Sscan("") }`, "fmt.Sscan in the core: use one of Append"},
		{`func f() { println() }`, "println in the core: use a returned value"},
		{`import "fmt"; var x int; var s = fmt.Sprintf("%p", &x)`,
			"%p in the core: addresses differ"},
		{`import "fmt"; var x int; var s = fmt.Sprintf("%#8p", x)`,
			"%p in the core: addresses differ"},
	} {
		wants(t, core(t, c.code), c.want)
	}
	require.Empty(t, core(t,
		`import "fmt"; var s = fmt.Sprintf("%d%%p, 5% per", 1); var e = fmt.Errorf("%w", nil)`))
}

func TestRangeOverAMapIsRejectedInTheCore(t *testing.T) {
	const want = "range over a map in the core: iterate a sorted slice or a btree.Map"
	wants(t, core(t, `func f(m map[int]int) { for range m {} }`), want)
	wants(t, core(t, `type x map[int]int; func f(m x) { for k, v := range m { _, _ = k, v } }`),
		want)
	wants(t, core(t, `func f[M map[int]int](m M) { for range m {} }`), want)
	wants(t, core(t, `func f[M ~map[K]V, K comparable, V any](m M) { for range m {} }`), want)
	wants(t, core(t, `type named map[int]int; type c interface{ map[int]int | named }; `+
		`func f[M c](m M) { for range m {} }`), want)
	require.Empty(t, core(t, `func f(m map[int]int, s []int, n int) { `+
		`for range s {}; for range n {}; clear(m); delete(m, 1) }`))
	require.Empty(t, core(t, `func f[S ~[]E, E any](s S) { for range s {} }`))
	require.Empty(t, lint(t, "sim", "x.go", `package p; func f(m map[int]int) { for range m {} }`))
}

func TestFloatingPointIsRejectedInState(t *testing.T) {
	const want = "floating point in a struct field of the core: results differ by CPU; use integers"
	for _, field := range []string{
		"x float64", "x float32", "x complex128", "x []float64", "x [2]float32", "x *float64",
		"x map[int]float64", "x named", "x, y float64", "x struct{}; y float64",
	} {
		wants(t, core(t, "type named float64; type s struct { "+field+" }"), want)
	}
	wants(t, core(t, `type s struct { x struct { y float64 } }`), want)
	wants(t, core(t, `var x = 1.5`), "floating point in a package variable of the core")
	require.Empty(t, core(t, `const x = 1.5; func f(y float64) { z := y * x; _ = z }`))
	require.Empty(t, core(t, `type list struct { next *list; all map[string][]list }`))
}

func TestEscapesNeedAReasonAndAUse(t *testing.T) {
	const loop = "for range m {} }"
	require.Empty(t, core(t, "func f(m map[int]int) {\n//corelint:ordered only counted\n"+loop))
	require.Empty(t,
		core(t, "func f(m map[int]int) {\nfor range m { //corelint:ordered only counted\n} }"))
	require.Empty(t, core(t, "type s struct {\nx float64 //corelint:float shown only\n}"))
	wants(t, core(t, "func f(m map[int]int) {\n//corelint:ordered\n"+loop),
		"escape without a reason: write //corelint:ordered <reason>", "range over a map")
	wants(t, core(t, "func f(m map[int]int) {\n//corelint:float wrong kind\n"+loop),
		"range over a map", "escape //corelint:float waives nothing")
	wants(t, core(t, "func f(m map[int]int) {\n//corelint:ordered too far\n\n"+loop),
		"range over a map", "escape //corelint:ordered waives nothing")
	wants(t, core(t, "//corelint:sorted because\n"),
		"unknown escape //corelint:sorted: there are ordered and float")
	wants(t, core(t, "//corelint:ordered there is no loop\n"), "waives nothing: remove it")
	wants(t, core(t, "func f() {\n//corelint:ordered go cannot be waived\ngo f() }"),
		"go statement", "waives nothing")
}
