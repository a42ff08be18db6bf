package plan

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

func TestOptionsThatAPlanLeavesOutStayOut(t *testing.T) {
	var o Options
	require.Empty(t, o.Names())
	require.EqualValues(t, 7, o.MinAcks.Or(7))
	o.MinAcks = Set(0)
	require.Zero(t, o.MinAcks.Or(7), "an option that is given as 0 is given")

	text, err := yaml.Marshal(&o)
	require.NoError(t, err)
	require.Equal(t, "min_acks: 0\n", string(text))
	text, err = json.Marshal(&o)
	require.NoError(t, err)
	require.Equal(t, `{"min_acks":0}`, string(text))
	var back Options
	require.NoError(t, json.Unmarshal(text, &back))
	require.Equal(t, o, back)
}

func TestOptionsHaveNames(t *testing.T) {
	var o Options
	rf, err := o.Find("rf")
	require.NoError(t, err)
	*rf = Set(3)
	require.EqualValues(t, 3, o.RF.Or(0))
	require.Equal(t, []string{"rf"}, o.Names())
	_, err = o.Find("replication")
	require.ErrorContains(t, err, "replication")

	dec := yaml.NewDecoder(strings.NewReader("kind: kafka\noptions: {rf: 3, replication: 3}\n"))
	dec.KnownFields(true)
	err = dec.Decode(new(Workload))
	require.ErrorContains(t, err, "replication", "a typing mistake makes no easier run")
}
