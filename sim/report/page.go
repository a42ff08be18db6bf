package report

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
)

var (
	//go:embed page.html
	pageHTML string
	//go:embed page.css
	pageCSS string
	//go:embed lanes.js
	lanesJS string
	//go:embed page.js
	pageJS string
)

var page = template.Must(template.New("page").Parse(pageHTML))

// Write writes the page.
func Write(w io.Writer, doc *Document) error {
	data, err := json.Marshal(doc) // escapes <, > and &, so that no text ends the script
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return page.Execute(w, struct {
		*Document
		CSS    template.CSS
		Script template.JS
		Data   template.JS
		Kinds  []string
	}{doc, template.CSS(pageCSS), template.JS(lanesJS + pageJS), template.JS(data), FlowKinds})
}
