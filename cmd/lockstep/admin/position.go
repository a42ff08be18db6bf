package admin

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// position is a place in a partition, as a flag gives it.
type position struct {
	from  positionKind
	value int64 // an offset, a number of records before the end, or milliseconds since 1970
}

type positionKind int

const (
	fromStart positionKind = iota
	fromEnd                // value records before the end
	fromOffset
	fromTime
)

// positionHelp is for the help of flags.
const positionHelp = "start, end, an offset, -N (N before the end), or @TIME: milliseconds since " +
	"1970, RFC 3339, or a duration ago such as @-1h"

// parsePosition reads the text of a flag. now is what durations are counted from.
func parsePosition(text string, now time.Time) (position, error) {
	if when, ok := strings.CutPrefix(text, "@"); ok {
		at, err := parseTime(when, now)
		return position{fromTime, at}, err
	}
	switch text {
	case "start", "beginning", "earliest":
		return position{from: fromStart}, nil
	case "end", "latest":
		return position{from: fromEnd}, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	switch {
	case err != nil || n == math.MinInt64:
		return position{}, fmt.Errorf("%q is no position: want %s", text, positionHelp)
	case n < 0:
		return position{fromEnd, -n}, nil
	}
	return position{fromOffset, n}, nil
}

func parseTime(text string, now time.Time) (ms int64, err error) {
	if ms, err := strconv.ParseInt(text, 10, 64); err == nil && ms >= 0 {
		return ms, nil
	}
	if d, err := time.ParseDuration(text); err == nil && d <= 0 {
		return now.Add(d).UnixMilli(), nil
	}
	for _, layout := range []string{time.RFC3339, time.DateTime, time.DateOnly} { // UTC
		if at, err := time.Parse(layout, text); err == nil {
			return at.UnixMilli(), nil
		}
	}
	return 0, fmt.Errorf("@%s is no time: want %s", text, positionHelp)
}

// offset is the position for a consumer.
func (p position) offset() kgo.Offset {
	switch p.from {
	case fromStart:
		return kgo.NewOffset().AtStart()
	case fromEnd:
		return kgo.NewOffset().AtEnd().Relative(-p.value)
	case fromOffset:
		return kgo.NewOffset().At(p.value)
	}
	return kgo.NewOffset().AfterMilli(p.value)
}
