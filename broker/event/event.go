package event

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Level says how much an event matters to an operator.
type Level uint8

const (
	Info  Level = iota // normal operation
	Warn               // service is degraded, or is about to be
	Error              // a person has to look
)

func (l Level) String() string { return [...]string{"INFO", "WARN", "ERROR"}[l] }

// ParseLevel reads a level in any case. What is no level is [Info], so that nothing is hidden.
func ParseLevel(s string) Level {
	for _, l := range []Level{Warn, Error} {
		if strings.EqualFold(l.String(), s) {
			return l
		}
	}
	return Info
}

// Name is what happened: a row of the table.
type Name uint8

func (n Name) String() string { return table[n].name }

// Level is the level of all events with this name.
func (n Name) Level() Level { return table[n].level }

// Means says to an operator what the event is.
func (n Name) Means() string { return table[n].means }

// All lists the names in the order of their declaration.
func All() []Name {
	all := make([]Name, names)
	for i := range all {
		all[i] = Name(i)
	}
	return all
}

// Event is one thing that happened.
type Event struct {
	Name   Name
	Fields []Field // the first is the subject
}

// New makes an event. It keeps fields.
func New(name Name, fields ...Field) Event { return Event{Name: name, Fields: fields} }

// With returns the event with one more field.
func (e Event) With(f Field) Event {
	e.Fields = append(slices.Clip(e.Fields), f)
	return e
}

// Get returns the value of a field as text, "" if there is none with that key.
func (e Event) Get(key string) string {
	for _, f := range e.Fields {
		if f.Key == key {
			return f.String()
		}
	}
	return ""
}

// Doubled returns a key that the line of this event would have twice, "" if there is none. The
// host adds node and loop.
func (e Event) Doubled() string {
	seen := []string{"time", "level", "msg", "node", "loop"}
	for _, f := range e.Fields {
		if slices.Contains(seen, f.Key) {
			return f.Key
		}
		seen = append(seen, f.Key)
	}
	return ""
}

// String is the event in one line: its name, then key=value for each field.
func (e Event) String() string {
	var b strings.Builder
	b.WriteString(e.Name.String())
	for _, f := range e.Fields {
		value := f.String()
		if value == "" || strings.ContainsAny(value, " =\"\n\t") {
			value = strconv.Quote(value)
		}
		b.WriteString(" " + f.Key + "=" + value)
	}
	return b.String()
}

// subject identifies what the event is about, among the events of its name. An extent is no
// subject.
func (e Event) subject() string {
	if len(e.Fields) == 0 {
		return ""
	}
	if f := e.Fields[0]; f.kind != duration && f.Key != "partitions" {
		return f.String()
	}
	return ""
}

// Field is a key with a value: an integer, a text or a duration.
type Field struct {
	Key   string
	kind  fieldKind
	value int64
	text  string
}

type fieldKind uint8

const (
	number fieldKind = iota
	text
	duration
)

type integer interface {
	~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64
}

// Int is a field with a number: an id, a count, bytes. Its key says which.
func Int[T integer](key string, value T) Field { return Field{Key: key, value: int64(value)} }

// Text is a field with a text.
func Text(key, value string) Field { return Field{Key: key, kind: text, text: value} }

// Duration is a field with a time span. It is rounded to what a reader needs.
func Duration(key string, d time.Duration) Field {
	unit := time.Millisecond
	if d < 10*time.Millisecond {
		unit = time.Microsecond
	}
	return Field{Key: key, kind: duration, value: int64(d.Round(unit))}
}

// Err is the field "error". It keeps only the error's text.
func Err(err error) Field { return Text("error", err.Error()) }

// few is how many of many things a field names.
const few = 5

// Few names at most five of many things, and says how many more there are. It does not keep things.
func Few(key string, things []string) Field {
	if len(things) <= few {
		return Text(key, strings.Join(things, ","))
	}
	return Text(key, fmt.Sprintf("%s and %d more", strings.Join(things[:few], ","),
		len(things)-few))
}

// IDs names all of a short list of nodes, such as an ISR.
func IDs[T integer](key string, ids []T) Field {
	var list []string
	for _, id := range ids {
		list = append(list, strconv.FormatInt(int64(id), 10))
	}
	return Text(key, strings.Join(list, ","))
}

// Value is the field's value: an int64, a string or a time.Duration.
func (f Field) Value() any {
	switch f.kind {
	case text:
		return f.text
	case duration:
		return time.Duration(f.value)
	default:
		return f.value
	}
}

// String is the value as text.
func (f Field) String() string { return fmt.Sprint(f.Value()) }
