package main

import (
	"net/http"
	"reflect"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"example.com/lockstep/docs"
)

// metric is one sample of a loop.
type metric struct {
	name  string
	kind  prometheus.ValueType
	loop  string // the label's value; "" for none
	value float64
}

const (
	counter = prometheus.CounterValue
	gauge   = prometheus.GaugeValue
)

// metricsHandler serves what the broker's loops, the process and the Go runtime
// count, in the formats that Prometheus asks for.
func metricsHandler(m monitored) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		loopCollector{m},
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
}

// loopCollector asks the loops each time that the metrics are collected.
type loopCollector struct{ monitored }

// Describe implements prometheus.Collector. It names nothing: the names follow
// from the fields of the loops' Stats.
func (loopCollector) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (c loopCollector) Collect(out chan<- prometheus.Metric) {
	for _, m := range c.sample() {
		var names, values []string
		if m.loop != "" {
			names, values = []string{"loop"}, []string{m.loop}
		}
		desc := prometheus.NewDesc(m.name, metricHelp()[m.name], names, nil)
		out <- prometheus.MustNewConstMetric(desc, m.kind, m.value, values...)
	}
}

// metricHelp has the text of docs/metrics.md about each metric.
var metricHelp = sync.OnceValue(func() map[string]string {
	help := map[string]string{}
	for _, m := range docs.Metrics() {
		help[m.Name] = m.Help
	}
	return help
})

// structMetrics turns the exported fields of a loop's Stats into samples, so that a new
// counter needs a field there and an entry in docs/metrics.md:
//
//	uint64          counter, name_total
//	int, bool, ...  gauge
//	time.Duration   gauge, name_seconds
//	struct          its fields, with the field's name in front
//
// The tag `metric:"gauge"` makes a uint64 that can go down a gauge, and `metric:"-"`
// leaves a field out. Fields of other types are left out.
func structMetrics(prefix, loop string, stats any) []metric {
	var out []metric
	v := reflect.Indirect(reflect.ValueOf(stats))
	for i := range v.NumField() {
		field := v.Type().Field(i)
		tag := field.Tag.Get("metric")
		if !field.IsExported() || tag == "-" {
			continue
		}
		name := prefix + "_" + snakeCase(field.Name)
		value := v.Field(i)
		switch {
		case field.Type == reflect.TypeFor[time.Duration]():
			out = append(out, metric{
				name + "_seconds",
				gauge,
				loop,
				time.Duration(value.Int()).Seconds(),
			})
		case value.Kind() == reflect.Struct:
			out = append(out, structMetrics(name, loop, value.Interface())...)
		case value.CanUint() && (tag == "gauge" || gaugeFields[field.Name]):
			out = append(out, metric{name, gauge, loop, float64(value.Uint())})
		case value.CanUint():
			out = append(out, metric{name + "_total", counter, loop, float64(value.Uint())})
		case value.CanInt():
			out = append(out, metric{name, gauge, loop, float64(value.Int())})
		case value.Kind() == reflect.Bool:
			n := 0.0
			if value.Bool() {
				n = 1
			}
			out = append(out, metric{name, gauge, loop, n})
		}
	}
	return out
}

// gaugeFields are unsigned fields that are positions, not counts.
var gaugeFields = map[string]bool{"Term": true, "Commit": true, "Applied": true}

// snakeCase spells a Go name as a metric's: WALBytes is wal_bytes, SnapshotsSaved
// is snapshots_saved.
func snakeCase(name string) string {
	var b strings.Builder
	runes := []rune(name)
	for i, r := range runes {
		if unicode.IsUpper(r) && i > 0 {
			afterLower := !unicode.IsUpper(runes[i-1])
			beforeLower := i+1 < len(runes) && unicode.IsLower(runes[i+1])
			if afterLower || beforeLower {
				b.WriteByte('_')
			}
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
