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

// Unit is the unit of the values as the name says it: "bytes", "seconds" or "" for things that are
// counted, states and positions. Counters end with _total, after the unit.
func (m Metric) Unit() string {
	name := strings.TrimSuffix(m.Name, "_total")
	for _, unit := range []string{"bytes", "seconds"} {
		if strings.HasSuffix(name, "_"+unit) {
			return unit
		}
	}
	return ""
}

// metricEntry is a list item that begins with a name in bold and a type.
var metricEntry = regexp.MustCompile("(?m)^- \\*\\*`(\\w+)`\\*\\*, (\\w+): (.*(?:\n  .*)*)")

// Metrics are the entries of metrics.md, in its order. The page is the registry of names, types,
// units and HELP texts: a broker's /metrics takes them from here, and tests compare the page with
// what the program measures.
func Metrics() []Metric { return metricsOf(metrics) }

func metricsOf(page string) (all []Metric) {
	for _, m := range metricEntry.FindAllStringSubmatch(page, -1) {
		help := strings.Join(strings.Fields(m[3]), " ")
		all = append(all, Metric{m[1], m[2], strings.ReplaceAll(help, "`", "")})
	}
	return all
}
