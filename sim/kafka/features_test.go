package kafka

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAFeatureNamesRoleAndISR(t *testing.T) {
	require.Equal(t, "leader, ISR of 2, controller", feature{'l', 2, true}.String())
	require.Equal(t, "follower, ISR of 3", feature{role: 'f', isr: 3}.String())
}
