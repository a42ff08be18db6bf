package drive

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/event"
)

func TestALineHasItsTimeInUTCItsLevelAndItsFields(t *testing.T) {
	var out bytes.Buffer
	log := NewLog(&out, false, event.Info, event.Int("node", 2))
	log.Explained(event.New(event.LoopSlow, event.Duration("for", 1500*time.Millisecond),
		event.Err(errors.New("a \"quoted\" text"))), "one\ntwo\n")
	require.Regexp(t, regexp.MustCompile(
		`^time=\S+Z level=WARN msg="loop is slow" node=2 for=1\.5s `+
			`error="a \\"quoted\\" text"\n\tone\n\ttwo\n$`), out.String())
}

func TestALineOfJSONIsOneObject(t *testing.T) {
	var out bytes.Buffer
	log := NewLog(&out, true, event.Info, event.Int("node", 2))
	log.Explained(event.New(event.LoopSlow, event.Duration("for", 1500*time.Millisecond),
		event.Int("count", 7)), "one\ntwo\n")
	var line map[string]any
	require.NoError(t, json.Unmarshal(out.Bytes(), &line))
	require.Regexp(t, "Z$", line["time"])
	delete(line, "time")
	require.Equal(t, map[string]any{"level": "WARN", "msg": "loop is slow", "node": 2.0,
		"for": "1.5s", "count": 7.0, "detail": "one\ntwo\n"}, line)
}

func TestLowerLevelsAreLeftOut(t *testing.T) {
	var out bytes.Buffer
	log := NewLog(&out, false, event.Warn)
	log.Write(event.New(event.NodeStopped))
	require.Empty(t, out.String())
	log.Write(event.New(event.LoopSlow))
	require.NotEmpty(t, out.String())
}
