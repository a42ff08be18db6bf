package docs

import (
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
