package main

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhatTheEventLogHasToldIsNotPrintedAgain(t *testing.T) {
	var out bytes.Buffer
	failed := errors.New("no disk")
	report(&out, fmt.Errorf("serve: %w", toldError{failed}))
	require.Empty(t, out.String())
	require.ErrorIs(t, toldError{failed}, failed)
	report(&out, failed)
	require.Equal(t, "lockstep: no disk\n", out.String())
}
