package alloctest

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// fake keeps what a test would have failed with.
type fake struct {
	testing.TB
	failed string
}

func (*fake) Helper() {}

func (f *fake) Fatalf(format string, args ...any) { f.failed = fmt.Sprintf(format, args...) }

var sink []byte

func TestALargeAllocationIsFound(t *testing.T) {
	f := &fake{TB: t}
	Bounded(f, 1<<10, func() { sink = make([]byte, 16<<20) })
	require.Contains(t, f.failed, "at most 1024 are allowed")
	f.failed = ""
	Bounded(f, 16<<20, func() { sink = make([]byte, 16<<20) })
	require.Empty(t, f.failed)
}
