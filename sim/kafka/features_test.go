package kafka

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestALookNamesRoleAndISR(t *testing.T) {
	require.Equal(t, "leader, ISR of 2, controller", look{'l', 2, true}.String())
	require.Equal(t, "follower, ISR of 3", look{role: 'f', isr: 3}.String())
}
