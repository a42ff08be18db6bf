package docs

import (
	_ "embed"
	"regexp"
	"strings"
)

//go:embed metrics.md
var metrics string

// Metric is an entry of metrics.md.
type Metric struct {
	Name string
	Type string // "counter" or "gauge"
	Help string // one line
}

// metricEntry is a list item that begins with a name in bold and a type.
var metricEntry = regexp.MustCompile("(?m)^- \\*\\*`(\\w+)`\\*\\*, (\\w+): (.*(?:\n  .*)*)")

// Metrics are the entries of metrics.md, in its order. They are also what a broker's
// /metrics says about each metric.
func Metrics() []Metric { return metricsOf(metrics) }

func metricsOf(page string) (all []Metric) {
	for _, m := range metricEntry.FindAllStringSubmatch(page, -1) {
		help := strings.Join(strings.Fields(m[3]), " ")
		all = append(all, Metric{m[1], m[2], strings.ReplaceAll(help, "`", "")})
	}
	return all
}
