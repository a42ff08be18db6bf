package drive

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"

	"example.com/lockstep/broker/event"
	"example.com/lockstep/broker/loop"
)

// Log writes the event log of a node: a line for each event, with the time in UTC and the level.
// Its methods may be called by all goroutines.
type Log struct {
	mu   sync.Mutex // held while a line and what explains it are written
	out  io.Writer
	line *slog.Logger
	// least is the level below which events are not written.
	least slog.LevelVar
	json  bool
}

// NewLog returns a log that writes lines in the form key=value, or JSON objects. Each line has
// fields first. Events below least are not written.
func NewLog(out io.Writer, json bool, least event.Level, first ...event.Field) *Log {
	l := &Log{out: out, json: json}
	l.SetLevel(least)
	options := &slog.HandlerOptions{Level: &l.least, ReplaceAttr: replaceAttr}
	var handler slog.Handler = slog.NewTextHandler(out, options)
	if json {
		handler = slog.NewJSONHandler(out, options)
	}
	l.line = slog.New(handler.WithAttrs(attrs(first)))
	return l
}

// SetLevel changes the level below which events are not written. It acts at once.
func (l *Log) SetLevel(least event.Level) { l.least.Set(levels[least]) }

var levels = [...]slog.Level{
	event.Info: slog.LevelInfo, event.Warn: slog.LevelWarn, event.Error: slog.LevelError,
}

// replaceAttr writes times in UTC, and durations so that people can read them in JSON, too.
func replaceAttr(_ []string, a slog.Attr) slog.Attr {
	switch a.Value.Kind() {
	case slog.KindTime:
		a.Value = slog.TimeValue(a.Value.Time().UTC())
	case slog.KindDuration:
		a.Value = slog.StringValue(a.Value.Duration().String())
	}
	return a
}

func attrs(fields []event.Field) []slog.Attr {
	list := make([]slog.Attr, len(fields))
	for i, f := range fields {
		list[i] = slog.Any(f.Key, f.Value())
	}
	return list
}

// Write writes an event that belongs to no loop. Nothing bounds the number of such lines.
func (l *Log) Write(e event.Event) { l.Explained(e, "") }

// Explained writes an event, and a text of many lines that explains it: a stack, for example. In
// JSON the text is a field. In the other form its lines follow, each with a tab before it.
func (l *Log) Explained(e event.Event, text string) {
	list := attrs(e.Fields)
	if l.json && text != "" {
		list = append(list, slog.String("detail", text))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.line.LogAttrs(context.Background(), levels[e.Name.Level()], e.Name.String(), list...)
	if !l.json && text != "" {
		text = "\t" + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n\t")
		fmt.Fprintln(l.out, text)
	}
}

// of returns the log of one loop.
func (l *Log) of(id loop.ID) *loopLog { return &loopLog{log: l, loop: event.Int("loop", id)} }

// loopLog bounds the lines of one loop. Only the loop's goroutine uses it.
type loopLog struct {
	log     *Log
	loop    event.Field
	limiter event.Limiter
}

func (l *loopLog) take(e event.Event) {
	if l.limiter.Take(BootTime(), e) {
		l.log.Write(e.With(l.loop))
	}
}

// endTurn writes the repeated events that are due.
func (l *loopLog) endTurn() {
	if l.limiter.Idle() {
		return
	}
	for _, e := range l.limiter.Due(BootTime()) {
		l.log.Write(e.With(l.loop))
	}
}

// end writes what is left when the loop ends.
func (l *loopLog) end() {
	for _, e := range l.limiter.Rest(BootTime()) {
		l.log.Write(e.With(l.loop))
	}
}

// Writer returns a writer that makes an event of each line, for libraries that have a logger of
// their own.
func (l *Log) Writer(name event.Name) io.Writer { return lineWriter{l, name} }

type lineWriter struct {
	log  *Log
	name event.Name
}

func (w lineWriter) Write(p []byte) (int, error) {
	w.log.Write(event.New(w.name, event.Text("error", strings.TrimSpace(string(p)))))
	return len(p), nil
}
