package admin

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/twmb/franz-go/pkg/kgo"
)

// formatHelp says what a format of consume may have.
const formatHelp = `Formats, as those of kcat:

  %t topic       %p partition   %o offset      %e leader epoch
  %k key         %K its length  %v, %s value   %V, %S its length
  %T, %d time in milliseconds   %h headers     %H their number
  %R length of the value, four bytes, big-endian
  %% a percent sign             \n \r \t \\ \xNN as in C

A key or value that is null has the length -1. Headers are key=value with commas between.`

// format prints records. Each of its parts appends one piece.
type format []func(b []byte, r *kgo.Record) []byte

func parseFormat(text string) (f format, err error) {
	for len(text) > 0 {
		var part func([]byte, *kgo.Record) []byte
		switch {
		case text[0] == '%' && len(text) > 1 && pieces[text[1]] != nil:
			part, text = pieces[text[1]], text[2:]
		case text[0] == '%':
			return nil, fmt.Errorf("format: %.2q is not known; --help lists what is", text)
		case text[0] == '\\':
			char, _, rest, err := strconv.UnquoteChar(text, 0)
			if err != nil || char > 0xff {
				return nil, fmt.Errorf("format: %.4q is no escape; --help lists them", text)
			}
			part, text = literal(string([]byte{byte(char)})), rest
		default:
			end := strings.IndexAny(text, `%\`)
			if end < 0 {
				end = len(text)
			}
			part, text = literal(text[:end]), text[end:]
		}
		f = append(f, part)
	}
	return f, nil
}

func literal(text string) func([]byte, *kgo.Record) []byte {
	return func(b []byte, _ *kgo.Record) []byte { return append(b, text...) }
}

// pieces are what stands after a percent sign.
var pieces = map[byte]func(b []byte, r *kgo.Record) []byte{
	'%': literal("%"),
	't': func(b []byte, r *kgo.Record) []byte { return append(b, r.Topic...) },
	'p': number(func(r *kgo.Record) int64 { return int64(r.Partition) }),
	'o': number(func(r *kgo.Record) int64 { return r.Offset }),
	'e': number(func(r *kgo.Record) int64 { return int64(r.LeaderEpoch) }),
	'k': func(b []byte, r *kgo.Record) []byte { return append(b, r.Key...) },
	'K': number(func(r *kgo.Record) int64 { return length(r.Key) }),
	'v': value, 's': value,
	'V': valueLength, 'S': valueLength,
	'T': timestamp, 'd': timestamp,
	'R': func(b []byte, r *kgo.Record) []byte {
		return binary.BigEndian.AppendUint32(b, uint32(length(r.Value)))
	},
	'H': number(func(r *kgo.Record) int64 { return int64(len(r.Headers)) }),
	'h': func(b []byte, r *kgo.Record) []byte {
		for i, h := range r.Headers {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(append(append(b, h.Key...), '='), h.Value...)
		}
		return b
	},
}

func value(b []byte, r *kgo.Record) []byte { return append(b, r.Value...) }

var (
	valueLength = number(func(r *kgo.Record) int64 { return length(r.Value) })
	timestamp   = number(func(r *kgo.Record) int64 { return r.Timestamp.UnixMilli() })
)

func number(of func(*kgo.Record) int64) func([]byte, *kgo.Record) []byte {
	return func(b []byte, r *kgo.Record) []byte { return strconv.AppendInt(b, of(r), 10) }
}

// length is the length of a key or a value; that of null is -1.
func length(b []byte) int64 {
	if b == nil {
		return -1
	}
	return int64(len(b))
}

// append adds the text of the record.
func (f format) append(b []byte, r *kgo.Record) []byte {
	for _, part := range f {
		b = part(b, r)
	}
	return b
}

// jsonRecord is a record as one line of JSON. Bytes that are not UTF-8 are in base64.
type jsonRecord struct {
	Topic       string       `json:"topic"`
	Partition   int32        `json:"partition"`
	Offset      int64        `json:"offset"`
	LeaderEpoch int32        `json:"leader_epoch"`
	Time        time.Time    `json:"timestamp"`
	Key         *string      `json:"key"`
	KeyBytes    []byte       `json:"key_base64,omitempty"`
	Value       *string      `json:"value"`
	ValueBytes  []byte       `json:"value_base64,omitempty"`
	Headers     []jsonHeader `json:"headers,omitempty"`
}

type jsonHeader struct {
	Key        string  `json:"key"`
	Value      *string `json:"value"`
	ValueBytes []byte  `json:"value_base64,omitempty"`
}

func jsonFormat(b []byte, r *kgo.Record) []byte {
	j := jsonRecord{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset,
		LeaderEpoch: r.LeaderEpoch, Time: r.Timestamp.UTC()}
	j.Key, j.KeyBytes = textOrBytes(r.Key)
	j.Value, j.ValueBytes = textOrBytes(r.Value)
	for _, h := range r.Headers {
		header := jsonHeader{Key: h.Key}
		header.Value, header.ValueBytes = textOrBytes(h.Value)
		j.Headers = append(j.Headers, header)
	}
	line, err := json.Marshal(j)
	if err != nil { // strings, numbers and a time always have a form
		panic(err)
	}
	return append(append(b, line...), '\n')
}

// textOrBytes is one of both, and neither of null.
func textOrBytes(b []byte) (*string, []byte) {
	if b == nil {
		return nil, nil
	}
	if !utf8.Valid(b) {
		return nil, b
	}
	text := string(b)
	return &text, nil
}
