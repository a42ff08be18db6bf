package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// unit returns the unit file, with this program in the place of the one to be installed.
func unit(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("lockstep.service")
	require.NoError(t, err)
	const installed = "ExecStart=/usr/local/bin/lockstep "
	require.Equal(t, 1, strings.Count(string(text), installed))
	return strings.Replace(string(text), installed, "ExecStart="+os.Args[0]+" ", 1)
}

func TestTheUnitFileIsValid(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("systemd-analyze is not installed")
	}
	path := filepath.Join(t.TempDir(), "lockstep.service")
	require.NoError(t, os.WriteFile(path, []byte(unit(t)), 0o600))
	out, err := exec.Command("systemd-analyze", "verify", path).CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Empty(t, string(out))
}

func TestTheWatchdogOfTheUnitFileIsThatOfTheDefaultSession(t *testing.T) {
	c, err := configOf(t, required)
	require.NoError(t, err)
	_, after, ok := strings.Cut(unit(t), "\nWatchdogSec=")
	require.True(t, ok)
	seconds, _, _ := strings.Cut(after, "\n")
	n, err := strconv.Atoi(seconds)
	require.NoError(t, err)
	require.Equal(t, killBound(c.session), time.Duration(n)*time.Second)
}
