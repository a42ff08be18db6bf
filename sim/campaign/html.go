package campaign

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"math"
	"strings"
	"time"
)

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("summary").Funcs(template.FuncMap{
	"number": number, "hours": hours, "bar": bar, "join": strings.Join,
	"seconds": func(s float64) string {
		return time.Duration(s * float64(time.Second)).Round(time.Second).String()
	},
}).Parse(pageText))

// page is the summary as one HTML file. It refers only to files in the campaign's
// directory or, after Merge, in those of the merged campaigns.
func (s *Summary) page() ([]byte, error) {
	var b bytes.Buffer
	most := 0
	for _, f := range s.Faults {
		most = max(most, f.N)
	}
	mostJudged := 0
	for _, p := range s.Properties {
		mostJudged = max(mostJudged, p.N)
	}
	err := pageTemplate.Execute(&b, struct {
		*Summary
		MostFaults, MostJudged int
		Chart                  chart
	}{s, most, mostJudged, newChart(s)})
	return b.Bytes(), err
}

// number groups the digits of a count by three.
func number(n any) string {
	text := fmt.Sprint(n)
	if f, ok := n.(float64); ok {
		text = fmt.Sprintf("%.0f", f)
	}
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "\u202f" + text[i:]
	}
	return text
}

func hours(h float64) string {
	switch {
	case h >= 100:
		return number(h)
	case h >= 1:
		return fmt.Sprintf("%.1f", h)
	}
	return fmt.Sprintf("%.3f", h)
}

// bar is the length of a bar in percent. The scale is logarithmic, because counts differ
// by orders of magnitude and the small ones matter.
func bar(n any, most int) template.CSS {
	var v float64
	switch n := n.(type) {
	case int:
		v = float64(n)
	case uint64:
		v = float64(n)
	}
	if v <= 0 || most <= 0 {
		return "width:0"
	}
	return template.CSS(fmt.Sprintf("width:%.1f%%",
		100*math.Log1p(v)/math.Log1p(max(float64(most), v))))
}

// chart shows what was known after each number of runs, as two lines.
type chart struct {
	Features, Marks       string // points of a polyline
	MostFeatures, MostRun int
	AllMarks              int
	Width, Height         int
}

func newChart(s *Summary) chart {
	c := chart{MostRun: s.Runs, AllMarks: len(s.Marks), Width: 900, Height: 180}
	for _, g := range s.Growth {
		c.MostFeatures = max(c.MostFeatures, g.Features)
	}
	point := func(run, value, most int) string {
		x := float64(run) / float64(max(c.MostRun, 1)) * float64(c.Width)
		y := float64(c.Height) * (1 - float64(value)/float64(max(most, 1)))
		return fmt.Sprintf("%.1f,%.1f ", x, y)
	}
	var features, marks strings.Builder
	last := Growth{}
	for _, g := range append([]Growth{{}}, s.Growth...) {
		// The line is a step: the count stays the same until the next find.
		features.WriteString(point(g.Run, last.Features, c.MostFeatures) + point(g.Run, g.Features,
			c.MostFeatures))
		marks.WriteString(point(g.Run, last.Marks, c.AllMarks) + point(g.Run, g.Marks, c.AllMarks))
		last = g
	}
	features.WriteString(point(c.MostRun, last.Features, c.MostFeatures))
	marks.WriteString(point(c.MostRun, last.Marks, c.AllMarks))
	c.Features, c.Marks = features.String(), marks.String()
	return c
}
