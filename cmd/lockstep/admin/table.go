package admin

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// answer is what a command prints: with --json itself, otherwise its text.
type answer interface {
	text(w *page)
}

func (s *session) print(a answer) error {
	if s.json {
		e := json.NewEncoder(s.out)
		e.SetIndent("", "  ")
		return e.Encode(a)
	}
	p := &page{}
	a.text(p)
	_, err := io.WriteString(s.out, p.String())
	return err
}

// page collects the text of an answer.
type page struct{ strings.Builder }

// line adds a line.
func (p *page) line(format string, args ...any) { fmt.Fprintf(p, format+"\n", args...) }

// table adds aligned columns under their names. Each row has a value for each column.
func (p *page) table(columns []string, rows [][]any) {
	w := tabwriter.NewWriter(p, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, strings.Join(columns, "\t"))
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, value := range row {
			cells[i] = cell(value)
		}
		fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	_ = w.Flush() // a Builder does not fail
}

// fields adds a name and a value a line.
func (p *page) fields(pairs ...any) {
	w := tabwriter.NewWriter(p, 0, 0, 2, ' ', 0)
	for i := 0; i < len(pairs); i += 2 {
		fmt.Fprintf(w, "%s\t%s\n", pairs[i], cell(pairs[i+1]))
	}
	_ = w.Flush()
}

// cell is a value as a table shows it; "-" stands for nothing.
func cell(value any) string {
	var text string
	switch v := value.(type) {
	case nil:
	case []int32:
		text = strings.Trim(strings.ReplaceAll(fmt.Sprint(v), " ", ","), "[]")
	case *int64:
		if v != nil {
			text = fmt.Sprint(*v)
		}
	case *string:
		if v != nil {
			text = *v
		}
	default:
		text = fmt.Sprint(v)
	}
	if text == "" {
		return "-"
	}
	return text
}

// list is the list itself, and never null in JSON.
func list[T any](of []T) []T {
	if of == nil {
		return []T{}
	}
	return of
}
