package pool

import (
	"fmt"
	"os"
	"testing"
)

// testDir holds the files that several tests use.
var testDir string

// TestMain makes the test binary a worker when it is started as one.
func TestMain(m *testing.M) {
	ServeIfWorker()
	var err error
	if testDir, err = os.MkdirTemp("", "lockstep-pool-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(testDir)
	os.Exit(code)
}
