package osfs

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSyncFSReportsErrorsSinceLinux5_8(t *testing.T) {
	for release, reports := range map[string]bool{
		"5.7.19": false, "5.8.0": true, "4.19.0-26-amd64": false, "6.1.0": true,
		"5.10.0-28-generic": true, "10.0": true, "odd": false,
	} {
		require.Equal(t, reports, reportsSince(release), release)
	}
}
