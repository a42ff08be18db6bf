package admin

import (
	"errors"
	"strings"
)

// outcome is what became of one thing that a command was told to change.
type outcome struct {
	Name   string `json:"name"`
	Result string `json:"result"` // "created", or "failed"
	Error  string `json:"error,omitempty"`

	kind string // "topic"
	err  error
}

// outcomes are printed as one line each. Failed ones are the error of the command.
type outcomes struct {
	kind string
	list []outcome
}

// add tells what became of the thing with the name. message is the broker's, if there is an err.
func (o *outcomes) add(name, result string, err error, message string) {
	entry := outcome{Name: name, Result: result, kind: o.kind}
	if err != nil {
		entry.err = problem(strings.TrimSpace(o.kind+" "+name), err, message)
		entry.Result, entry.Error = "failed", entry.err.Error()
	}
	o.list = append(o.list, entry)
}

type outcomeList []outcome

func (l outcomeList) text(p *page) {
	for _, o := range l {
		if o.err == nil {
			p.line("%s: %s", strings.TrimSpace(o.kind+" "+o.Name), o.Result)
		}
	}
}

// finish prints what became of all things, and returns what failed.
func (s *session) finish(o *outcomes) error {
	if err := s.print(outcomeList(o.list)); err != nil {
		return err
	}
	var failed []error
	for _, entry := range o.list {
		failed = append(failed, entry.err)
	}
	return errors.Join(failed...)
}
