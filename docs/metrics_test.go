package docs

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEntriesOfTheMetricsPageAreRead(t *testing.T) {
	page := "# Metrics\n\nText.\n\n" +
		"- **`a_total`**, counter: things that\n  `b` counts. Rising.\n" +
		"- **`c`**, gauge: 1 or 0.\n\n- another item\n"
	require.Equal(t, []Metric{
		{"a_total", "counter", "things that b counts. Rising."},
		{"c", "gauge", "1 or 0."},
	}, metricsOf(page))
}

func TestEachMetricHasAHelpOfItsOwnAndSaysItsUnit(t *testing.T) {
	help := map[string]string{}
	for _, m := range Metrics() {
		require.NotContains(t, help, m.Help, "%s has the text of %s", m.Name, help[m.Help])
		help[m.Help] = m.Name
		require.Equal(t, m.Type == "counter", strings.HasSuffix(m.Name, "_total"), m.Name)
		if strings.Contains(m.Name, "bytes") {
			require.Equal(t, "bytes", m.Unit(), "%s: the unit stands last", m.Name)
		}
	}
	require.Equal(t, "seconds", Metric{Name: "a_seconds_total"}.Unit())
	require.Empty(t, Metric{Name: "a_total"}.Unit())
}
