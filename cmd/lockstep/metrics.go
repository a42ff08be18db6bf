package main

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"reflect"
	"runtime/metrics"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Metrics are written in Prometheus' text format, version 0.0.4, by hand: it
// is a few lines, and everything here is a counter or a gauge without history.

type metricKind string

const (
	counter metricKind = "counter"
	gauge   metricKind = "gauge"
)

// metric is one sample. Labels are as they are printed: `{loop="1"}` or "".
type metric struct {
	name   string
	kind   metricKind
	labels string
	value  float64
}

// writeMetrics writes samples, those of one name together as the format wants it.
func writeMetrics(w io.Writer, samples []metric) error {
	samples = slices.Clone(samples)
	slices.SortStableFunc(samples, func(a, b metric) int { return strings.Compare(a.name, b.name) })
	out := bufio.NewWriter(w)
	for i, m := range samples {
		if i == 0 || samples[i-1].name != m.name {
			fmt.Fprintf(out, "# TYPE %s %s\n", m.name, m.kind)
		}
		fmt.Fprintf(out, "%s%s %s\n", m.name, m.labels, strconv.FormatFloat(m.value, 'g', -1, 64))
	}
	return out.Flush()
}

// structMetrics turns the exported fields of a loop's Stats into samples, so
// that a counter added there needs nothing here:
//
//	uint64          counter, name_total
//	int, bool, ...  gauge
//	time.Duration   gauge, name_seconds
//	struct          its fields, with the field's name in front
//
// The tag `metric:"gauge"` makes a gauge of a uint64 that can go down, and
// `metric:"-"` leaves a field out. Other types are left out.
func structMetrics(prefix, labels string, stats any) []metric {
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
			out = append(out, metric{name + "_seconds", gauge, labels, time.Duration(value.Int()).Seconds()})
		case value.Kind() == reflect.Struct:
			out = append(out, structMetrics(name, labels, value.Interface())...)
		case value.CanUint() && (tag == "gauge" || gaugeFields[field.Name]):
			out = append(out, metric{name, gauge, labels, float64(value.Uint())})
		case value.CanUint():
			out = append(out, metric{name + "_total", counter, labels, float64(value.Uint())})
		case value.CanInt():
			out = append(out, metric{name, gauge, labels, float64(value.Int())})
		case value.Kind() == reflect.Bool:
			n := 0.0
			if value.Bool() {
				n = 1
			}
			out = append(out, metric{name, gauge, labels, n})
		}
	}
	return out
}

// gaugeFields are unsigned positions rather than counts.
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

// processMetrics are what the Go runtime knows of the process.
func processMetrics() []metric {
	table := []struct {
		source, name string
		kind         metricKind
	}{
		{"/sched/goroutines:goroutines", "go_goroutines", gauge},
		{"/memory/classes/heap/objects:bytes", "go_heap_objects_bytes", gauge},
		{"/memory/classes/total:bytes", "go_memory_total_bytes", gauge},
		{"/gc/cycles/total:gc-cycles", "go_gc_cycles_total", counter},
		{"/gc/heap/allocs:bytes", "go_heap_allocs_bytes_total", counter},
		{"/cpu/classes/gc/total:cpu-seconds", "go_gc_cpu_seconds_total", counter},
		{"/cpu/classes/user:cpu-seconds", "go_user_cpu_seconds_total", counter},
	}
	samples := make([]metrics.Sample, len(table))
	for i := range table {
		samples[i].Name = table[i].source
	}
	metrics.Read(samples)
	var out []metric
	for i, s := range samples {
		value := math.NaN()
		switch s.Value.Kind() {
		case metrics.KindUint64:
			value = float64(s.Value.Uint64())
		case metrics.KindFloat64:
			value = s.Value.Float64()
		default: // unknown to this version of Go
			continue
		}
		out = append(out, metric{table[i].name, table[i].kind, "", value})
	}
	return out
}
