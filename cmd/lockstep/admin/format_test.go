package admin

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
)

var record = kgo.Record{
	Topic: "t", Partition: 3, Offset: 7, LeaderEpoch: 2, Key: []byte("k"), Value: []byte("value"),
	Timestamp: time.UnixMilli(1767225600123),
	Headers:   []kgo.RecordHeader{{Key: "a", Value: []byte("1")}, {Key: "b"}},
}

func TestAFormatPrintsARecord(t *testing.T) {
	for format, want := range map[string]string{
		"":                   "",
		"plain":              "plain",
		`%t/%p@%o e%e`:       "t/3@7 e2",
		`%k(%K) %v(%V)\n`:    "k(1) value(5)\n",
		`%s %S`:              "value 5",
		`%T %d`:              "1767225600123 1767225600123",
		`%h %H`:              "a=1,b= 2",
		`%R`:                 "\x00\x00\x00\x05",
		`100%%\t\\ \xff\x00`: "100%\t\\ \xff\x00",
	} {
		f, err := parseFormat(format)
		require.NoError(t, err, format)
		require.Equal(t, want, string(f.append(nil, &record)), format)
	}
	for _, format := range []string{"%", "%q", `\`, `\q`, `a\u20ac`} {
		_, err := parseFormat(format)
		require.Error(t, err, format)
	}
}

func TestNullIsNotEmpty(t *testing.T) {
	f, err := parseFormat("%K %V")
	require.NoError(t, err)
	require.Equal(t, "-1 -1", string(f.append(nil, &kgo.Record{})))
	require.Equal(t, "0 0", string(f.append(nil, &kgo.Record{Key: []byte{}, Value: []byte{}})))
}

func TestARecordIsALineOfJSON(t *testing.T) {
	require.Equal(t, `{"topic":"t","partition":3,"offset":7,"leader_epoch":2,`+
		`"timestamp":"2026-01-01T00:00:00.123Z","key":"k","value":"value","headers":`+
		`[{"key":"a","value":"1"},{"key":"b","value":null}]}`+"\n",
		string(jsonFormat(nil, &record)))
	require.Equal(t, `{"topic":"","partition":0,"offset":0,"leader_epoch":0,`+
		`"timestamp":"1970-01-01T00:00:00Z","key":null,"value":null,"value_base64":"/w=="}`+"\n",
		string(jsonFormat(nil, &kgo.Record{Value: []byte{0xff}, Timestamp: time.Unix(0, 0)})))
}

func TestAPositionIsParsed(t *testing.T) {
	now := time.UnixMilli(10_000_000)
	for text, want := range map[string]position{
		"start": {from: fromStart}, "earliest": {from: fromStart}, "end": {from: fromEnd},
		"0": {fromOffset, 0}, "12": {fromOffset, 12}, "-3": {fromEnd, 3},
		"@1767225600123": {fromTime, 1767225600123}, "@-1m": {fromTime, 9_940_000},
		"@1970-01-01T00:00:01Z": {fromTime, 1000}, "@1970-01-02": {fromTime, 86_400_000},
		"@1970-01-01 00:00:02": {fromTime, 2000},
	} {
		p, err := parsePosition(text, now)
		require.NoError(t, err, text)
		require.Equal(t, want, p, text)
	}
	for _, text := range []string{"", "middle", "1.5", "@", "@noon", "@-5", "@1h",
		"-9223372036854775808"} {
		_, err := parsePosition(text, now)
		require.Error(t, err, text)
	}
}
