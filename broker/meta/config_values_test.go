package meta

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Values are read as Apache Kafka 4.3.1 reads them; conformance/contract asks both.
func TestValuesOfConfigurationsAreReadAsByKafka(t *testing.T) {
	const refused, ratio = "<refused>", "min.cleanable.dirty.ratio"
	for _, c := range []struct{ key, value, kept string }{
		{"preallocate", "TRUE", "true"}, {"preallocate", " False ", "false"},
		{"preallocate", "yes", refused}, {"preallocate", "", refused},
		{"retention.ms", "+5", "+5"}, {"retention.ms", " 007 ", "007"},
		{"retention.ms", "-1", "-1"},
		{"retention.ms", "5.0", refused}, {"retention.ms", "-2", refused},
		{"retention.ms", "99999999999999999999", refused}, {"retention.bytes", "-2", "-2"},
		{ratio, "1e-2", "1e-2"}, {ratio, ".5", ".5"},
		{ratio, "0.50f", "0.50f"}, {ratio, "1", "1"},
		{ratio, "1E0", "1E0"}, {ratio, "10e-1", "10e-1"},
		{ratio, "0.01e2", "0.01e2"}, {ratio, "0e9", "0e9"},
		{ratio, "1.0", "1.0"}, {ratio, "1.01", refused},
		{ratio, "11e-1", refused}, {ratio, "2", refused},
		{ratio, "0.02e2", refused}, {ratio, "-0.1", refused},
		{ratio, "1e", refused}, {ratio, ".", refused},
		{ratio, "1e99999999", refused}, {ratio, "NaN", refused},
		{"compression.gzip.level", "0", refused}, {"compression.gzip.level", "-1", "-1"},
		{"compression.type", "Zstd", refused}, {"compression.type", "zstd", "zstd"},
		{"cleanup.policy", " delete , compact ", "delete,compact"}, {"cleanup.policy", "", ""},
		{"cleanup.policy", "Delete", refused}, {"segment.bytes", "1048575", refused},
		{"remote.storage.enable", "False", "false"}, {"remote.storage.enable", "true", refused},
		{"leader.replication.throttled.replicas", "", ""},
		{"leader.replication.throttled.replicas", "*", refused},
	} {
		kept, problem := FindConfigKey(c.key, true).Parse(c.value)
		if problem != "" {
			kept = refused
		}
		require.Equal(t, c.kept, kept, "%s=%q", c.key, c.value)
	}
}

func TestDefaultsAreKeptAsTheyAre(t *testing.T) {
	for _, k := range ConfigKeys() {
		kept, problem := k.Parse(k.Default)
		require.Empty(t, problem, k.Name)
		require.Equal(t, k.Default, kept, k.Name)
	}
}
